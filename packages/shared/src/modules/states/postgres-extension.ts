import { z } from 'zod';
import { changesOf, defineState, inSync, type StateModule } from '../contract/index.ts';
import { dropChange, namedArgs, rowsIfThere, serverOptions, sqlChange } from './postgres-acting.ts';

const QUERY = `SELECT extversion AS version, nspname AS schema FROM pg_extension e
JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = :'name'`;

/** Extensions of a database (`maintenance_db`) as they should be. */
export const postgresExtensionStates: readonly StateModule[] = [
  defineState({
    name: 'postgres_extension.present',
    summary: 'Ensure a database has an extension; the database is `maintenance_db`.',
    effect: 'repair',
    needs: ['psql'],
    args: z.object({
      ...namedArgs,
      if_not_exists: z.boolean().default(true).describe('Accepted for Salt trees; what is there is not made again.'),
      schema: z.string().optional().describe('Schema its objects are in; it has to be there.'),
      ext_version: z.string().optional().describe('Its version; any where absent.'),
    }),
    examples: [{ title: 'of an application', args: { name: 'pg_trgm', maintenance_db: 'app', user: 'postgres' } }],
    async check({ name, if_not_exists: _, schema, ext_version, ...args }, { host }) {
      const options = serverOptions(args);
      const [now] = await rowsIfThere(host, QUERY, { name }, options);
      const variables = { name, schema: schema ?? '', version: ext_version ?? '' };
      if (now === undefined) {
        const words = [
          ...(schema === undefined ? [] : ['SCHEMA :"schema"']),
          ...(ext_version === undefined ? [] : ['VERSION :"version"']),
        ];
        const change = {
          what: `extension ${name}: exists`,
          before: null,
          after: name,
          changes: { [name]: 'Installed' },
        };
        return changesOf(sqlChange(change, options, { sql: `CREATE EXTENSION :"name" ${words.join(' ')}`, variables }));
      }
      const alterations = [
        ...(ext_version === undefined || ext_version === now.version ? [] : ['UPDATE TO :"version"']),
        ...(schema === undefined || schema === now.schema ? [] : ['SET SCHEMA :"schema"']),
      ];
      if (alterations.length === 0) return inSync(`Extension ${name} is already present`);
      const change = {
        what: `extension ${name}: version and schema`,
        before: now,
        after: { version: ext_version ?? now.version, schema: schema ?? now.schema },
        changes: { [name]: 'Upgraded' },
      };
      const sql = alterations.map((alteration) => `ALTER EXTENSION :"name" ${alteration};`).join('\n');
      return changesOf(sqlChange(change, options, { sql, variables }));
    },
  }),
  defineState({
    name: 'postgres_extension.absent',
    summary: 'Ensure a database does not have an extension; the database is `maintenance_db`.',
    effect: 'repair',
    needs: ['psql'],
    args: z.object({
      ...namedArgs,
      if_exists: z.boolean().default(true).describe('Accepted for Salt trees; what is not there is fine.'),
      restrict: z.boolean().default(false).describe('Fail while something needs it; so it is without cascade too.'),
      cascade: z.boolean().default(false).describe('Remove what needs it as well.'),
    }),
    examples: [],
    async check({ name, if_exists: _, restrict, cascade, ...args }, { host }) {
      const options = serverOptions(args);
      if ((await rowsIfThere(host, QUERY, { name }, options)).length === 0)
        return inSync(`Extension ${name} is not present, so it cannot be removed`);
      const sql = `DROP EXTENSION :"name"${cascade && !restrict ? ' CASCADE' : ''}`;
      return changesOf(dropChange('extension', name, sql, options));
    },
  }),
];
