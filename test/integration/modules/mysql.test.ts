import { createCatalog } from '@edge-run/shared/execute';
import { ask, quoteName, quoteText } from '@edge-run/shared/modules/providers/mysql';
import { PyMap, toPlain } from '@edge-run/shared/values';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMariadb, startMariadb } from '../../support/mariadb.ts';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

const catalog = createCatalog();

describe.skipIf(!hasMariadb)('mysql (skipped: no server of MariaDB installed)', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let server: Awaited<ReturnType<typeof startMariadb>>;
  let ctx: ReturnType<typeof moduleContext>;
  const reach = () => ({ connection_unix_socket: server.socket, connection_user: 'root' });
  const call = async (name: string, kwargs: object = {}) => {
    const { answer } = await callFunction(catalog.functions.get(`mysql.${name}`)!, ctx, [], { ...reach(), ...kwargs });
    return answer instanceof PyMap ? (toPlain(answer) as Record<string, unknown>) : answer;
  };
  const query = async (sql: string, database = '') => (await call('query', { database, query: sql })) as never;
  const run = (name: string, args: object, mode?: 'plan') =>
    runState(catalog.states.get(name)!, ctx, { ...reach(), ...args }, mode);
  /** Plans a change and makes it; a repair that finds something more to do fails. */
  const converges = async (name: string, args: object) => {
    const plan = await run(name, args, 'plan');
    const first = await run(name, args);
    const shown = `${name} ${JSON.stringify(args)}: ${plan.comment}; ${first.comment}`;
    expect([plan.result, first.result, first.changes.size > 0], shown).toEqual([null, true, true]);
    expect([...first.changes], shown).toEqual([...plan.changes]);
  };
  const login = (user: string, password: string) =>
    call('query', { database: '', query: 'SELECT CURRENT_USER()', connection_user: user, connection_pass: password });

  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host);
    server = await startMariadb(real.host, real.dir);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await real.dispose();
  });

  it('texts and names arrive as they are, whatever the server is set to', async () => {
    const odd = ["'", '\\', "\\'", '`', '\n', '\r\n', '\0', '\u{1f600}', '--', '\\!', '*/', '"', ';', '&<>'];
    const texts = [
      ...fc.sample(fc.string({ unit: 'grapheme', maxLength: 12 }), 60),
      ...fc.sample(fc.array(fc.constantFrom(...odd, 'a'), { maxLength: 6 }), 60).map((parts) => parts.join('')),
    ];
    // The server takes no name that is empty, begins or ends with a space or has letters beyond the first 65,536.
    const names = texts.filter((text) => /^(?!\s)[^\0\u{10000}-\u{10ffff}]{1,40}(?<!\s)$/u.test(text));
    for (const mode of ['', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', 'TRADITIONAL']) {
      await query(`SET GLOBAL sql_mode = '${mode}'`);
      const sql = `${texts.map((text) => `SELECT HEX(${quoteText(text)}) AS kept, ${quoteText(text)} AS shown;`).join('\n')}
${names.map((name) => `SELECT 1 AS ${quoteName(name)};`).join('\n')}`;
      const results = await ask(real.host, sql, { unixSocket: server.socket, user: 'root' });
      const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase();
      expect(results.slice(0, texts.length).map(({ rows }) => rows[0])).toEqual(
        // The client shows a NUL as a space.
        texts.map((text) => ({ kept: hex(text), shown: text.replaceAll('\0', ' ') })),
      );
      expect(results.slice(texts.length).map(({ columns }) => columns[0])).toEqual(names);
      expect(await call('db_create', { name: `q'\\\`${mode}` })).toBe(true);
      expect(await call('db_remove', { name: `q'\\\`${mode}` })).toBe(true);
    }
    await query('SET GLOBAL sql_mode = DEFAULT');
  });

  it('databases: made, listed, asked, changed, removed; odd names are names', async () => {
    const name = 'o\'dd `name`; --\\"';
    expect(await call('db_exists', { name })).toBe(false);
    expect(await call('db_create', { name, character_set: 'latin1' })).toBe(true);
    expect(await call('db_create', { name })).toBe(false);
    expect(await call('db_list')).toContain(name);
    expect(await call('db_get', { name })).toEqual({ character_set: 'latin1', collate: 'latin1_swedish_ci' });
    await call('alter_db', { name, collate: 'utf8mb4_bin' });
    expect(await call('db_get', { name })).toEqual({ character_set: 'utf8mb4', collate: 'utf8mb4_bin' });
    await query('CREATE TABLE `t``1` (a text)', name);
    expect(await call('db_tables', { name })).toEqual(['t`1']);
    for (const care of ['db_check', 'db_optimize', 'db_repair'])
      expect(await call(care, { name }), care).toContainEqual(expect.objectContaining({ Table: `${name}.t\`1` }));
    expect(await call('db_remove', { name })).toBe(true);
    expect(await call('db_tables', { name })).toBe(false);
    expect(await call('version')).toMatch(/MariaDB/);
    expect(await call('status')).toHaveProperty('Uptime');
    expect(await call('showglobal')).toHaveProperty('sql_mode');
    expect(await call('processlist')).toContainEqual(expect.objectContaining({ User: 'root' }));
  });

  it('queries: rows, counts, several statements, and no commands of the client', async () => {
    await query('CREATE DATABASE q');
    await query("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x;<&>\"'), (2, NULL)", 'q');
    expect(await query("SELECT a, b AS `b'&` FROM t ORDER BY a;", 'q')).toMatchObject({
      columns: ['a', "b'&"],
      results: [
        ['1', 'x;<&>"'],
        ['2', null],
      ],
      'rows returned': 2,
      'query time': { human: expect.stringMatching(/^[\d.]+m?s$/) },
    });
    expect(await query('UPDATE t SET b = a -- both', 'q')).toMatchObject({ 'rows affected': 2 });
    await query('CREATE PROCEDURE p() BEGIN DELETE FROM t; INSERT INTO t VALUES (3, NULL); END', 'q');
    expect(await query('SELECT 1 FROM t WHERE a > 9', 'q')).toMatchObject({ results: [], 'rows returned': 0 });
    for (const [sql, why] of [
      ['SELEC 1', /1064/],
      ["SELECT 'open", /1064|no end/],
      ['SELECT 1 /* open', /1064|no end/],
      [`\\! touch ${real.dir}/shell`, /ERROR/],
      [`system touch ${real.dir}/shell`, /1064/],
      ['DELIMITER x', /no end|ERROR/],
    ] as const)
      await expect(query(sql), sql).rejects.toThrow(why);
    expect(await real.host.stat(`${real.dir}/shell`)).toBeUndefined();
    await expect(call('query', { database: 'none', query: 'SELECT 1' })).rejects.toThrow(/Unknown database/);
  });

  it('mysql_query.run keeps what it finds', async () => {
    await query('CREATE DATABASE kept; CREATE TABLE kept.t (a int, b text); INSERT INTO kept.t VALUES (1, NULL)');
    const args = { name: 'ask', database: 'kept', query: 'SELECT * FROM t' };
    expect((await run('mysql_query.run', args, 'plan')).changes.get('query')).toBe('Executed');
    const { data, result } = await run('mysql_query.run', args);
    expect([result, toPlain((data as PyMap).get('results')!)]).toEqual([true, [{ a: '1', b: null }]]);
    const output = `${real.dir}/answer`;
    await run('mysql_query.run', { ...args, output }, 'plan');
    expect(await real.host.stat(output)).toBeUndefined();
    await run('mysql_query.run', { ...args, output });
    expect(Buffer.from(await real.host.readFile(output)).toString()).toBe('a:1\nb:None\n');
    expect(await run('mysql_query.run', { ...args, output, overwrite: false })).toMatchObject({
      result: true,
      comment: `No execution needed. file: ${output} already set`,
    });
    expect(await run('mysql_query.run', { ...args, database: 'none' })).toMatchObject({
      result: false,
      comment: 'Database none is not present',
    });
    expect(await run('mysql_query.run', { ...args, output: 'grain' })).toMatchObject({ result: false });
  });

  it('databases as states', async () => {
    await converges('mysql_database.present', { name: "sh'op" });
    await converges('mysql_database.present', { name: "sh'op", character_set: 'utf8', collate: 'utf8_bin' });
    await converges('mysql_database.present', { name: "sh'op", collate: 'utf8mb4_unicode_ci' });
    await converges('mysql_database.absent', { name: "sh'op" });
  });

  it('accounts as states: passwords that work, are compared and never shown', async () => {
    const ann = { name: "an'n\\", host: 'localhost' };
    await converges('mysql_user.present', { ...ann, password: "p'w\\1" });
    expect(await login(ann.name, "p'w\\1")).toMatchObject({ results: [[`${ann.name}@localhost`]] });
    await converges('mysql_user.present', { ...ann, password: 42 });
    await login(ann.name, '42');
    await expect(login(ann.name, 'p')).rejects.toThrow(/1045/);
    const hash = '*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4';
    await converges('mysql_user.present', { ...ann, password_hash: hash });
    await login(ann.name, 'mypass');
    expect(await call('user_exists', { user: ann.name, password: 'mypass' })).toBe(true);
    expect(await call('user_exists', { user: ann.name, password: 'other' })).toBe(false);
    await converges('mysql_user.present', { ...ann, allow_passwordless: true });
    await login(ann.name, '');
    await converges('mysql_user.present', { ...ann, allow_passwordless: true, unix_socket: true });
    expect(await call('user_info', { user: ann.name })).toMatchObject({ plugin: 'unix_socket' });
    await converges('mysql_user.present', { ...ann, password: 'again' });
    await login(ann.name, 'again');
    expect(await call('user_list')).toContainEqual({ User: ann.name, Host: 'localhost' });
    const plan = await run('mysql_user.present', { ...ann, password: 'topsecret' }, 'plan');
    expect(JSON.stringify([plan.comment, toPlain(plan.changes)])).not.toMatch(/topsecret|\*[0-9A-F]{40}/);
    expect(await run('mysql_user.present', ann)).toMatchObject({ result: false });
    await converges('mysql_user.absent', ann);
    await converges('mysql_user.present', { name: 'sock', allow_passwordless: true, unix_socket: true });
    await converges('mysql_user.present', { name: 'far', host: '%.Example.org', password: 'x' });
    const failed = await run('mysql_user.present', { name: 'x', password: 'topsecret', auth_plugin: 'none_such' });
    expect(failed.comment).toMatch(/ERROR 1524/);
    expect(failed.comment).not.toMatch(/topsecret/);
  });

  it('rights as states: on everything, a database, a table and columns', async () => {
    await query('CREATE DATABASE a_b; CREATE TABLE a_b.`t 1` (x int, y int); CREATE DATABASE axb');
    await converges('mysql_user.present', { name: 'bob', password: 'b' });
    const rights = (args: object) => ({ name: 'rights', user: 'bob', ...args });
    const held = async () => ((await call('user_grants', { user: 'bob' })) as string[]).slice(1);
    await converges('mysql_grants.present', rights({ grant: 'select,  Insert', database: 'a_b.*' }));
    expect(await held()).toEqual(['GRANT SELECT, INSERT ON `a\\_b`.* TO `bob`@`localhost`']);
    expect(await call('grant_exists', { grant: 'insert', database: 'a_b.*', user: 'bob' })).toBe(true);
    expect(await call('grant_exists', { grant: 'delete', database: 'a_b.*', user: 'bob' })).toBe(false);
    await converges('mysql_grants.present', rights({ grant: ['lock tables'], database: 'a_b.*', grant_option: true }));
    await converges('mysql_grants.absent', rights({ grant: 'insert', database: 'a_b.*', grant_option: true }));
    expect(await held()).toEqual(['GRANT SELECT, LOCK TABLES ON `a\\_b`.* TO `bob`@`localhost`']);
    await converges('mysql_grants.present', rights({ grant: 'delete', database: 'a_b.*', revoke_first: true }));
    expect(await held()).toEqual(['GRANT DELETE ON `a\\_b`.* TO `bob`@`localhost`']);
    await converges('mysql_grants.present', rights({ grant: 'all', database: 'a_b.*', grant_option: true }));
    expect((await run('mysql_grants.present', rights({ grant: 'select', database: 'a_b.*' }))).changes.size).toBe(0);
    await converges('mysql_grants.absent', rights({ grant: 'drop', database: 'a_b.*' }));
    await converges('mysql_grants.absent', rights({ grant: 'all privileges', database: 'a_b.*', grant_option: true }));
    await converges('mysql_grants.present', rights({ grant: 'select (x, y), update(x)', database: 'a_b.`t 1`' }));
    await converges('mysql_grants.absent', rights({ grant: 'select(y)', database: 'a_b.t 1' }));
    await converges('mysql_grants.present', rights({ grant: 'insert', database: 'a_b.t 1' }));
    expect(await run('mysql_grants.absent', rights({ grant: 'insert (x)', database: 'a_b.t 1' }))).toMatchObject({
      result: false,
    });
    await converges('mysql_grants.absent', rights({ grant: 'select, update, insert', database: 'a_b.t 1' }));
    expect(await held()).toEqual([]);
    await converges('mysql_grants.present', rights({ grant: 'select', database: 'a_b.*', escape: false }));
    expect(await held()).toEqual(['GRANT SELECT ON `a_b`.* TO `bob`@`localhost`']);
    // A level that is spelled otherwise is the same one, and is kept as it is.
    await converges('mysql_grants.present', rights({ grant: 'insert', database: 'a_b.*' }));
    expect(await held()).toEqual(['GRANT SELECT, INSERT ON `a_b`.* TO `bob`@`localhost`']);
    await converges('mysql_grants.present', rights({ grant: 'replication client, process', database: '*.*' }));
    await converges('mysql_grants.present', rights({ grant: 'all privileges', database: '*.*', grant_option: true }));
    await converges('mysql_grants.absent', rights({ grant: 'all', database: '*.*', grant_option: true }));
    await converges('mysql_grants.present', {
      ...rights({ grant: 'insert', database: 'a_b.*' }),
      ssl_option: [{ SUBJECT: "/CN=b'ob" }, { CIPHER: 'AES' }],
    });
    await converges('mysql_grants.present', {
      ...rights({ grant: 'insert', database: 'a_b.*' }),
      ssl_option: [{ SSL: true }],
    });
    const nobody = { name: 'rights', user: 'nobody', grant: 'select', database: 'a_b.*' };
    expect((await run('mysql_grants.present', nobody, 'plan')).result).toBeNull();
    expect((await run('mysql_grants.present', nobody)).comment).toMatch(/no account nobody@localhost/);
    expect((await run('mysql_grants.absent', nobody)).result).toBe(true);
    for (const wrong of [{ grant: 'select; drop' }, { grant: 'select (a' }, { database: 'a_b' }])
      await expect(run('mysql_grants.present', { ...nobody, ...wrong }), JSON.stringify(wrong)).rejects.toThrow();
  });

  it('the server is found in configuration and pillar', async () => {
    const configured = { 'mysql.unix_socket': server.socket, 'mysql.user': 'root' };
    const version = catalog.functions.get('mysql.version')!;
    for (const options of [{ opts: configured }, { pillar: configured }])
      expect((await callFunction(version, moduleContext(real.host, options))).answer).toMatch(/MariaDB/);
    const file = `${real.dir}/client.cnf`;
    const text = `[client]\nsocket=${server.socket}\nuser=root\n[mysql]\nforce\nskip-column-names\n`;
    await real.host.writeFile(file, Buffer.from(text), { mode: 0o600 });
    const wrong = { 'mysql.unix_socket': '/none', 'mysql.user': 'none' };
    const named = { connection_default_file: file };
    expect((await callFunction(version, moduleContext(real.host, { opts: wrong }), [], named)).answer).toMatch(/Maria/);
    await expect(callFunction(version, moduleContext(real.host, { opts: wrong }))).rejects.toThrow(/ERROR 2002/);
  });
});
