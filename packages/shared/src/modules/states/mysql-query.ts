import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
} from '../contract/index.ts';
import { writeGrains } from '../execution/grains-write.ts';
import { queryAnswer } from '../execution/mysql.ts';
import { serverOf } from '../execution/mysql-arguments.ts';
import { writeText } from '../operations/index.ts';
import { findDatabase, type QueryEnd, type ResultSet, runQuery } from '../providers/mysql/index.ts';
import { mysqlNeeds, namedArgs } from './mysql-acting.ts';

/** SQL that is run on MySQL and MariaDB. */
export const mysqlQueryStates: readonly StateModule[] = [
  defineState({
    name: 'mysql_query.run',
    summary: 'Run SQL on a database; what it answers is in `data`.',
    effect: 'action',
    needs: mysqlNeeds,
    args: z.object({
      ...namedArgs,
      name: z.string().describe('Name of the state.'),
      database: z.string().min(1).describe('Database to run it on.'),
      query: z.string().min(1).describe('The SQL.'),
      output: z
        .string()
        .regex(/^(grain$|\/)/, 'is `grain`, or the absolute path of a file')
        .nullish()
        .describe('`grain`, or a file on the host, to keep the answer in.'),
      grain: z.string().nullish().describe('The grain, with `output: grain`.'),
      key: z.string().nullish().describe('Key in the grain, which is a mapping then.'),
      overwrite: z.boolean().default(true).describe('Run it although the file or grain is there.'),
      check_db_exists: z
        .boolean()
        .default(true)
        .describe('Fail with a word of its own where there is no such database.'),
      client_flags: z.array(z.string()).nullish().describe('Accepted for Salt trees; several statements may be given.'),
    }),
    examples: [
      {
        title: 'a setting of an application',
        args: {
          name: 'switch the shop on',
          database: 'shop',
          query: "UPDATE settings SET value = 'on' WHERE name = 'open'",
        },
      },
    ],
    async check({ name: _, database, query, output, grain, key, overwrite, check_db_exists, ...args }, ctx) {
      if (output === 'grain' && grain == null) return refused("Error: output type 'grain' needs the grain parameter");
      const where = placeOf(output, grain, key);
      if (!overwrite && (await isKept(ctx, where))) return inSync(`No execution needed. ${where.shown} already set`);
      const server = { ...serverOf(args, ctx), database };
      const change: Change = {
        what: `query on ${database}: run${where.kind === 'nowhere' ? '' : `, its answer kept in ${where.shown}`}`,
        verb: 'run',
        before: null,
        after: 'run',
        changes: { query: where.kind === 'nowhere' ? 'Executed' : `Executed. Output into ${where.shown}` },
        async apply(act) {
          const serverOnly = { ...server, database: undefined };
          if (check_db_exists && (await findDatabase(act.host, database, serverOnly)) === undefined)
            return { result: false, changes: {}, comment: `Database ${database} is not present` };
          const end = await runQuery(act.host, query, server);
          const answer = mappedAnswer(end);
          if (where.kind === 'grain') await keepInGrain(act, where, answer);
          if (where.kind === 'file') await keepInFile(act.host, where.path, end);
          const count =
            end.result === undefined ? `${end.affected} rows affected` : `${end.result.rows.length} rows returned`;
          return { result: true, comment: count, data: answer };
        },
      };
      return changesOf(change);
    },
  }),
];

type Place =
  | { readonly kind: 'nowhere'; readonly shown: '' }
  | { readonly kind: 'file'; readonly shown: string; readonly path: string }
  | { readonly kind: 'grain'; readonly shown: string; readonly grain: string; readonly key: string | undefined };

function placeOf(
  output: string | null | undefined,
  grain: string | null | undefined,
  key: string | null | undefined,
): Place {
  if (output == null) return { kind: 'nowhere', shown: '' };
  if (output !== 'grain') return { kind: 'file', shown: `file: ${output}`, path: output };
  const shown = `grain: ${grain}${key == null ? '' : `:${key}`}`;
  return { kind: 'grain', shown, grain: grain!, key: key ?? undefined };
}

async function isKept({ host, facts }: ModuleContext, place: Place): Promise<boolean> {
  if (place.kind === 'nowhere') return false;
  if (place.kind === 'file') return (await host.stat(place.path)) !== undefined;
  if (place.key === undefined) return facts.has(place.grain);
  const grain = facts.get(place.grain);
  return grain instanceof PyMap && grain.has(place.key);
}

/** The answer with rows as mappings of columns, as Salt keeps it. */
function mappedAnswer(end: QueryEnd): PyMap {
  const answer = queryAnswer(end);
  if (end.result !== undefined) answer.set('results', rowsOf(end.result));
  return answer;
}

function rowsOf({ rows }: ResultSet): Value[] {
  return rows.map((row) => new PyMap(Object.entries(row)));
}

async function keepInGrain(
  ctx: ModuleContext<Host>,
  { grain, key }: { readonly grain: string; readonly key: string | undefined },
  answer: PyMap,
): Promise<void> {
  const now = ctx.facts.get(grain);
  const kept = key === undefined ? answer : new PyMap([...(now instanceof PyMap ? now : []), [key, answer]]);
  await writeGrains(ctx, new PyMap([[grain, kept]]), false);
}

async function keepInFile(host: Host, path: string, { result, affected }: QueryEnd): Promise<void> {
  const lines =
    result === undefined
      ? [`rows affected:${affected}`]
      : result.rows.flatMap((row) => Object.entries(row).map(([column, value]) => `${column}:${value ?? 'None'}`));
  await writeText(host, path, lines.map((line) => `${line}\n`).join(''));
}
