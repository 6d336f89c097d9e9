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
    it('SQL goes to the server as it is written: psql itself takes no commands from it', async () => {
      const mark = `${real.dir}/ran`;
      for (const query of [`\\! touch ${mark}`, `SELECT 1;\n\\! touch ${mark}`, `SELECT 1 \\g | touch ${mark}`])
        await expect(call('psql_query', { query }), query).rejects.toThrow(/syntax error/);
      expect(existsSync(mark)).toBe(false);
      for (const [query, value] of [
        ["SELECT ':name' AS a -- $edge$", ':name'],
        ["SELECT 'x\\y' AS a", 'x\\y'],
        ["SELECT $q$it's $edge$ and $edge_$q$ AS a", "it's $edge$ and $edge_"],
        ['SELECT $edge$one$edge$ AS a', 'one'],
      ])
        expect(await call('psql_query', { query }), query).toEqual([{ a: value }]);
    });
    it('states: converge and then change nothing', async () => {
      const where = { db_host: real.dir, user: 'postgres' };
      const inOwned = { maintenance_db: 'owned' };
      for (const [name, args] of [
        ['postgres_group.present', { name: 'readers', login: false }],
        [
          'postgres_user.present',
          { name: 'owner', password: "s'3cret", groups: 'readers', createdb: true, valid_until: '2031-02-03' },
        ],
        [
          'postgres_user.present',
          { name: 'owner', password: 'other', encrypted: 'md5', superuser: false, inherit: false },
        ],
        ['postgres_user.present', { name: 'owner', createdb: false, valid_until: 'infinity' }],
        [
          'postgres_database.present',
          { name: 'owned', owner: 'owner', encoding: 'utf8', template: 'template0', lc_collate: 'C' },
        ],
        [
          'postgres_database.present',
          { name: 'owned', owner: 'postgres', encoding: 'UTF-8', tablespace: 'pg_default' },
        ],
        ['postgres_extension.absent', { name: 'plpgsql', cascade: true, ...inOwned }],
        ['postgres_extension.present', { name: 'plpgsql', ext_version: '1.0', schema: 'pg_catalog', ...inOwned }],
        [
          'postgres_privileges.present',
          { name: 'owner', object_name: 'owned', object_type: 'database', privileges: 'create,temp' },
        ],
        [
          'postgres_privileges.present',
          {
            name: 'readers',
            object_name: 'public',
            object_type: 'schema',
            privileges: ['ALL'],
            grant_option: true,
            ...inOwned,
          },
        ],
        [
          'postgres_privileges.absent',
          { name: 'owner', object_name: 'owned', object_type: 'database', privileges: ['CREATE'] },
        ],
        ['postgres_privileges.absent', { name: 'owner', object_name: 'readers', object_type: 'group' }],
        [
          'postgres_privileges.present',
          { name: 'owner', object_name: 'readers', object_type: 'group', grant_option: true },
        ],
        ['postgres_database.absent', { name: 'owned' }],
        ['postgres_user.absent', { name: 'owner' }],
      ] as const) {
        const state = catalog.states.get(name)!;
        const plan = await runState(state, ctx, { ...args, ...where }, 'plan');
        const first = await runState(state, ctx, { ...args, ...where });
        expect([plan.result, first.result, first.changes.size], `${name}: ${first.comment}`).toEqual([null, true, 1]);
        expect((await runState(state, ctx, { ...args, ...where })).changes.size, name).toBe(0);
      }
    });
    it('a password the server itself keeps is recognised', async () => {
      const args = { name: 'bob', password: 'secret', db_host: real.dir, user: 'postgres' };
      for (const form of ['md5', 'scram-sha-256']) {
        await call('psql_query', {
          query: `DROP ROLE IF EXISTS bob; SET password_encryption = '${form}'; CREATE ROLE bob LOGIN PASSWORD 'secret'`,
        });
        expect((await runState(catalog.states.get('postgres_user.present')!, ctx, args)).changes.size, form).toBe(0);
      }
    });
    it('rights on tables, one and all, for a role and for everybody', async () => {
      const where = { db_host: real.dir, user: 'postgres', maintenance_db: 'rights' };
      await call('db_create', { name: 'rights' });
      const query = 'CREATE TABLE a (x int); CREATE TABLE "B b" (x int); CREATE SEQUENCE s; CREATE ROLE ann';
      await call('psql_query', { query, maintenance_db: 'rights' });
      const run = (verb: string, args: object, mode?: 'plan') =>
        runState(catalog.states.get(`postgres_privileges.${verb}`)!, ctx, { ...args, ...where }, mode);
      const one = { name: 'ann', object_name: 'B b', object_type: 'table', privileges: ['SELECT', 'INSERT'] };
      expect((await run('present', one)).changes.size).toBe(1);
      const all = { name: 'ann', object_name: 'ALL', object_type: 'table', privileges: ['SELECT'] };
      expect((await run('present', all)).result).toBe(true);
      expect((await run('present', all)).changes.size).toBe(0);
      expect(
        (
          await run('present', {
            ...one,
            name: 'public',
            object_name: 's',
            object_type: 'sequence',
            privileges: ['USAGE'],
          })
        ).result,
      ).toBe(true);
      expect((await run('absent', { ...all, privileges: ['ALL'] })).result).toBe(true);
      expect((await run('present', one, 'plan')).result).toBeNull();
      expect((await run('present', { ...one, privileges: ['CONNECT'] })).comment).toBe(
        'a table has no privilege CONNECT',
      );
      await expect(run('present', { ...one, privileges: ['SELEC'] })).rejects.toThrow('a privilege is one of');
      await expect(run('present', { ...one, privileges: undefined })).rejects.toThrow('which privileges?');
    });
    it('what cannot be changed is refused, and a database that is still to come is none yet', async () => {
      const where = { db_host: real.dir, user: 'postgres' };
      const fixed = await runState(catalog.states.get('postgres_database.present')!, ctx, {
        name: 'postgres',
        lc_ctype: 'x',
        ...where,
      });
      expect([fixed.result, fixed.comment]).toEqual([false, expect.stringContaining('cannot get lc_ctype x')]);
      const args = { name: 'hstore', maintenance_db: 'later', ...where };
      expect((await runState(catalog.states.get('postgres_extension.present')!, ctx, args, 'plan')).result).toBeNull();
    });
  },
);
