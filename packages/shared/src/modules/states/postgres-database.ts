import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { selectRows } from '../providers/postgres/index.ts';
import { dropChange, namedArgs, serverOptions, sqlChange } from './postgres-acting.ts';

/** Databases of PostgreSQL as they should be. */
export const postgresDatabaseStates: readonly StateModule[] = [
  defineState({
    name: 'postgres_database.present',
    summary: 'Ensure a database exists.',
    effect: 'repair',
    needs: ['psql'],
    args: z.object({
      ...namedArgs,
      owner: z.string().optional().describe('Role it belongs to.'),
      tablespace: z.string().optional().describe('Tablespace it is in.'),
      encoding: z.string().optional().describe('Its encoding; cannot be changed later.'),
      lc_collate: z.string().optional().describe('Order of its texts; cannot be changed later.'),
      lc_ctype: z.string().optional().describe('Classes of its letters; cannot be changed later.'),
      template: z.string().optional().describe('Database it is a copy of when it is made.'),
    }),
    examples: [{ title: 'of an application', args: { name: 'app', owner: 'app', user: 'postgres' } }],
    async check({ name, owner, tablespace, encoding, lc_collate, lc_ctype, template, ...args }, { host }) {
      const options = serverOptions(args);
      const sql = `SELECT pg_get_userbyid(datdba) AS owner, spcname AS tablespace, datcollate AS lc_collate, datctype AS lc_ctype,
  pg_encoding_to_char(encoding) AS encoding, encoding = pg_char_to_encoding(nullif(:'encoding', '')) AS is_encoding
FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = :'name'`;
      const [now] = await selectRows(host, sql, { name, encoding: encoding ?? '' }, options);
      const given = { owner, tablespace, encoding, lc_collate, lc_ctype, template };
      const variables = {
        name,
        ...Object.fromEntries(
          Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
        ),
      };
      if (now === undefined) {
        const words = [
          ...(owner === undefined ? [] : ['OWNER :"owner"']),
          ...(template === undefined ? [] : ['TEMPLATE :"template"']),
          ...(encoding === undefined ? [] : ["ENCODING :'encoding'"]),
          ...(lc_collate === undefined ? [] : ["LC_COLLATE :'lc_collate'"]),
          ...(lc_ctype === undefined ? [] : ["LC_CTYPE :'lc_ctype'"]),
          ...(tablespace === undefined ? [] : ['TABLESPACE :"tablespace"']),
        ];
        const change = { what: `database ${name}: exists`, before: null, after: name, changes: { [name]: 'Present' } };
        return changesOf(sqlChange(change, options, { sql: `CREATE DATABASE :"name" ${words.join(' ')}`, variables }));
      }
      const fixed = Object.entries({ lc_collate, lc_ctype })
        .filter(([key, value]) => value !== undefined && value !== now[key])
        .map(([key, value]) => `${key} ${value} (it has ${now[key]})`);
      if (encoding !== undefined && now.is_encoding !== 't')
        fixed.push(`encoding ${encoding} (it has ${now.encoding})`);
      if (fixed.length > 0)
        return refused(
          `Database ${name} is already present, and cannot get ${fixed.join(', ')}: it has to be made anew`,
        );
      const alterations = [
        ...(owner === undefined || owner === now.owner ? [] : (['owner'] as const)),
        ...(tablespace === undefined || tablespace === now.tablespace ? [] : (['tablespace'] as const)),
      ];
      if (alterations.length === 0) return inSync(`${name} is already present`);
      const after = Object.fromEntries(alterations.map((key) => [key, given[key]]));
      const change = {
        what: `database ${name}: ${alterations.join(', ')}`,
        before: Object.fromEntries(alterations.map((key) => [key, now[key]])),
        after,
        changes: { [name]: after },
      };
      const statements = { owner: 'OWNER TO :"owner"', tablespace: 'SET TABLESPACE :"tablespace"' };
      const altering = alterations.map((key) => `ALTER DATABASE :"name" ${statements[key]};`).join('\n');
      return changesOf(sqlChange(change, options, { sql: altering, variables }));
    },
  }),
  defineState({
    name: 'postgres_database.absent',
    summary: 'Ensure a database does not exist.',
    effect: 'repair',
    needs: ['psql'],
    args: z.object(namedArgs),
    examples: [],
    async check({ name, ...args }, { host }) {
      const options = serverOptions(args);
      const found = await selectRows(host, "SELECT 1 FROM pg_database WHERE datname = :'name'", { name }, options);
      if (found.length === 0) return inSync(`${name} is not present`);
      return changesOf(dropChange('database', name, 'DROP DATABASE :"name"', options));
    },
  }),
];
