import { existsSync, readdirSync } from 'node:fs';
import { createCatalog } from '@edge-run/shared/execute';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { isRoot, realHost } from '../../support/real-host.ts';

const root = '/usr/lib/postgresql';
const version = existsSync(root)
  ? readdirSync(root).find((name) => existsSync(`${root}/${name}/bin/initdb`))
  : undefined;
const catalog = createCatalog();

describe.skipIf(!isRoot || version === undefined)(
  'postgres (skipped: not root, or no PostgreSQL server installed)',
  () => {
    let real: Awaited<ReturnType<typeof realHost>>;
    let ctx: ReturnType<typeof moduleContext>;
    const pgctl = async (...args: string[]) => {
      const ran = await real.host.exec([`${root}/${version}/bin/${args[0]}`, ...args.slice(1)], {
        runAs: 'postgres',
        cwd: '/',
      });
      if (ran.exitCode !== 0) throw new Error(ran.stderr + ran.stdout);
    };
    const reach = () => ({ host: `${real.dir}`, runas: 'postgres' });
    const call = async (name: string, kwargs: object) =>
      (await callFunction(catalog.functions.get(`postgres.${name}`)!, ctx, [], { ...kwargs, ...reach() })).answer;

    beforeAll(async () => {
      real = await realHost();
      ctx = moduleContext(real.host);
      await real.host.exec(['chown', 'postgres', real.dir]);
      await pgctl('initdb', '-D', `${real.dir}/data`, '-A', 'trust', '-N');
      await pgctl(
        'pg_ctl',
        '-D',
        `${real.dir}/data`,
        '-l',
        `${real.dir}/log`,
        '-o',
        `-k ${real.dir} -c listen_addresses=`,
        '-w',
        'start',
      );
    });
    afterAll(async () => {
      await pgctl('pg_ctl', '-D', `${real.dir}/data`, '-m', 'immediate', '-w', 'stop');
      await real.dispose();
    });

    it('databases: made, listed, dumped, restored, removed; odd names are names', async () => {
      const name = 'o\'dd "name"; --';
      expect(await call('db_exists', { name })).toBe(false);
      await call('db_create', { name });
      expect(await call('db_exists', { name })).toBe(true);
      expect(await call('db_list', {})).toHaveProperty([name, 'Owner'], 'postgres');
      await call('db_create', { name: 'app' });
      await call('psql_query', {
        query: 'CREATE TABLE t (a text); INSERT INTO t VALUES (\'x,"y"\nz\')',
        maintenance_db: 'app',
      });
      await call('dump', { name: 'app', path: `${real.dir}/dump` });
      await call('psql_query', { query: 'DROP TABLE t', maintenance_db: 'app' });
      await call('restore', { name: 'app', path: `${real.dir}/dump` });
      expect(await call('psql_query', { query: 'SELECT a, 1 AS one FROM t', maintenance_db: 'app' })).toEqual([
        { a: 'x,"y"\nz', one: '1' },
      ]);
      await call('db_remove', { name });
      expect(await call('db_exists', { name })).toBe(false);
      await expect(call('psql_query', { query: 'SELEC' })).rejects.toThrow(/syntax error/);
    });
    it('states: converge and then change nothing', async () => {
      const where = { db_host: real.dir, user: 'postgres' };
      for (const [name, args] of [
        ['postgres_user.present', { name: 'owner' }],
        ['postgres_database.present', { name: 'owned', owner: 'owner' }],
        ['postgres_database.absent', { name: 'owned' }],
        ['postgres_user.absent', { name: 'owner' }],
      ] as const) {
        const first = await runState(catalog.states.get(name)!, ctx, { ...args, ...where });
        expect([first.result, first.changes.size], `${name}: ${first.comment}`).toEqual([true, 1]);
        expect((await runState(catalog.states.get(name)!, ctx, { ...args, ...where })).changes.size).toBe(0);
      }
    });
  },
);
