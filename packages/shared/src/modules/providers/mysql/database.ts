import type { HostReader } from '../../../host/index.ts';
import { ask, type MysqlServer } from './client.ts';
import { quoteName, quoteText } from './quote.ts';

/** How the texts of a database are kept and ordered. */
export interface Charset {
  readonly character_set?: string | undefined;
  readonly collate?: string | undefined;
}

/** A database; undefined: there is none of that name. */
export async function findDatabase(
  host: HostReader,
  name: string,
  server: MysqlServer,
): Promise<{ readonly character_set: string; readonly collate: string } | undefined> {
  const given = quoteText(name);
  const [found] = await ask(
    host,
    `SELECT DEFAULT_CHARACTER_SET_NAME AS character_set, DEFAULT_COLLATION_NAME AS collation
FROM information_schema.SCHEMATA WHERE IF(@@lower_case_table_names = 0, BINARY SCHEMA_NAME = BINARY ${given}, LOWER(SCHEMA_NAME) = LOWER(${given}));`,
    server,
  );
  const row = found?.rows[0];
  return row === undefined ? undefined : { character_set: row.character_set ?? '', collate: row.collation ?? '' };
}

/** SQL that makes a database, or changes how new tables of it keep texts. */
export function databaseStatement(verb: 'CREATE' | 'ALTER', name: string, { character_set, collate }: Charset): string {
  const words = [
    ...(character_set === undefined ? [] : [`CHARACTER SET ${quoteText(character_set)}`]),
    ...(collate === undefined ? [] : [`COLLATE ${quoteText(collate)}`]),
  ];
  return `${[`${verb} DATABASE ${quoteName(name)}`, ...words].join(' ')};`;
}

/** Whether two names of a character set or collation mean the same: `utf8` is `utf8mb3`. */
export function isSameCharset(one: string, other: string): boolean {
  return fullName(one) === fullName(other);
}

function fullName(name: string): string {
  return name.toLowerCase().replace(/^utf8(?=_|$)/, 'utf8mb3');
}
