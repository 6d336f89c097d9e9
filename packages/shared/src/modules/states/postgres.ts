import { z } from 'zod';
import { type Change, changesOf, defineState, inSync, type StateModule } from '../contract/index.ts';
import { postgresArgs } from '../execution/postgres.ts';
import { clientExec, type PostgresOptions, psqlCommand, requirePsql, selectRows } from '../providers/postgres.ts';

const { user: _, ...rest } = postgresArgs;
/** States name the role to log in as `db_user`, as Salt's do. */
const shared = {
  name: z.string().min(1).describe('Name.'),
  db_user: postgresArgs.user,
  db_host: rest.host,
  db_port: rest.port,
  db_password: rest.password,
  maintenance_db: rest.maintenance_db,
  user: z.string().optional().describe('User of the host to run the client as.'),
};

/** Databases and roles of PostgreSQL as they should be. */
export const postgresStates: readonly StateModule[] = [
  ...(['database', 'user'] as const).flatMap((kind) => {
    const noun = kind === 'database' ? 'DATABASE' : 'ROLE';
    const query =
      kind === 'database'
        ? "SELECT 1 FROM pg_database WHERE datname = :'name'"
        : "SELECT 1 FROM pg_roles WHERE rolname = :'name'";
    const what = kind === 'database' ? 'a database' : 'a role that may log in';
    return [
      defineState({
        name: `postgres_${kind}.present`,
        summary: `Ensure ${what} exists.`,
        effect: 'repair',
        needs: ['psql'],
        args: z.object({
          ...shared,
          owner: z.string().optional().describe('For a database: role it belongs to when it is made.'),
        }),
        examples: [],
        async check({ name, owner, ...args }, { host }) {
          const options = optionsOf(args);
          if ((await selectRows(host, query, { name }, options)).length > 0)
            return inSync(`${name} is already present`);
          const tail = kind === 'user' ? ' LOGIN' : owner === undefined ? '' : ' OWNER :"owner"';
          return changesOf({
            ...acting(
              `${kind} ${name}: exists`,
              { [name]: 'Present' },
              `CREATE ${noun} :"name"${tail}`,
              { name, ...(owner === undefined ? {} : { owner }) },
              options,
            ),
            verb: 'add',
          });
        },
      }),
      defineState({
        name: `postgres_${kind}.absent`,
        summary: `Ensure ${what} does not exist.`,
        effect: 'repair',
        needs: ['psql'],
        args: z.object(shared),
        examples: [],
        async check({ name, ...args }, { host }) {
          const options = optionsOf(args);
          if ((await selectRows(host, query, { name }, options)).length === 0) return inSync(`${name} is not present`);
          return changesOf({
            ...acting(`${kind} ${name}: absent`, { [name]: 'Absent' }, `DROP ${noun} :"name"`, { name }, options),
            verb: 'remove',
          });
        },
      }),
    ];
  }),
];

interface StateOptions {
  readonly db_user?: string | undefined;
  readonly db_host?: string | undefined;
  readonly db_port?: string | number | undefined;
  readonly db_password?: string | undefined;
  readonly maintenance_db?: string | undefined;
  readonly user?: string | undefined;
}

function optionsOf({ db_user, db_host, db_port, db_password, maintenance_db, user }: StateOptions): PostgresOptions {
  return { user: db_user, host: db_host, port: db_port, password: db_password, maintenance_db, runas: user };
}

function acting(
  what: string,
  changes: object,
  sql: string,
  variables: Readonly<Record<string, string>>,
  options: PostgresOptions,
): Change {
  return {
    what,
    before: null,
    after: null,
    changes,
    async apply({ host }) {
      requirePsql(host, await host.exec(psqlCommand(options, variables), { ...clientExec(options), stdin: sql }));
      return undefined;
    },
  };
}
