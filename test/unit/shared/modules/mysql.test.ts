import {
  compareLogin,
  grantStatement,
  heldAt,
  isHeld,
  type Login,
  levelOf,
  loginStatement,
  nativeHash,
  parseGrant,
  parseResults,
  quoteName,
  quoteText,
  requirementOf,
  revokeStatement,
  tlsRequirement,
  tlsStatement,
  wantedRights,
} from '@edge-run/shared/modules/providers/mysql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const app = { user: 'app', host: '%' };
const native = { plugin: 'mysql_native_password', kept: nativeHash('secret'), row: {} };
const sha2 = { plugin: 'caching_sha2_password', kept: '$A$005$…', row: {} };

describe('quotes of MySQL', () => {
  it.each([
    ["'", quoteText],
    ['`', quoteName],
  ] as const)('what is between %s is one text, to its last letter', (quote, quoted) => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("'", '`', '\\', '\n', '"', ';', 'a', 'é')), (letters) => {
        const text = letters.join('');
        const sql = quoted(text);
        // Backslashes are letters: a quote that is not doubled ends the text.
        const inside = sql.slice(1, -1).split(quote + quote);
        expect(inside.every((part) => !part.includes(quote))).toBe(true);
        expect([sql[0], inside.join(quote), sql.at(-1)]).toEqual([quote, text, quote]);
      }),
    );
  });
});

describe('how accounts log in', () => {
  it('keeps the hash that MySQL keeps', () => {
    expect([nativeHash('mypass'), nativeHash('')]).toEqual(['*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4', '']);
  });
  const password = (text: string, plugin?: string): Login => ({ kind: 'password', password: text, plugin });
  it.each([
    ['same', native, password('secret')],
    ['other', native, password('Secret')],
    ['same', native, { kind: 'hash', hash: native.kept.toLowerCase() }],
    ['other', native, { kind: 'passwordless' }],
    ['other', native, password('secret', 'caching_sha2_password')],
    ['unknown', sha2, password('secret')],
    ['unknown', sha2, password('secret', 'caching_sha2_password')],
    ['same', sha2, { kind: 'hash', hash: sha2.kept }],
    ['other', { ...sha2, kept: '' }, password('secret')],
    ['same', { ...sha2, kept: '' }, { kind: 'passwordless' }],
    ['same', { ...sha2, plugin: 'auth_socket', kept: '' }, { kind: 'socket' }],
    ['other', { ...sha2, plugin: 'auth_socket', kept: '' }, password('secret')],
  ] as const)('%s: %j, %j', (expected, account, login) => {
    expect(compareLogin(account, login)).toBe(expected);
  });
  const hash = nativeHash('secret');
  it.each([
    [
      true,
      undefined,
      password('secret'),
      `CREATE USER 'app'@'%' IDENTIFIED VIA 'mysql_native_password' USING '${hash}';`,
    ],
    [
      false,
      undefined,
      password('secret'),
      `CREATE USER 'app'@'%' IDENTIFIED WITH 'mysql_native_password' AS '${hash}';`,
    ],
    [false, sha2, password("s'"), "ALTER USER 'app'@'%' IDENTIFIED WITH 'caching_sha2_password' BY 's''';"],
    [true, native, password('s', 'ed25519'), "ALTER USER 'app'@'%' IDENTIFIED VIA 'ed25519' USING PASSWORD('s');"],
    [
      false,
      native,
      { kind: 'hash', hash: '*A' },
      "ALTER USER 'app'@'%' IDENTIFIED WITH 'mysql_native_password' AS '*A';",
    ],
    [false, undefined, { kind: 'socket' }, "CREATE USER 'app'@'%' IDENTIFIED WITH auth_socket;"],
    [true, native, { kind: 'socket' }, "ALTER USER 'app'@'%' IDENTIFIED VIA unix_socket;"],
    [false, sha2, { kind: 'passwordless' }, "ALTER USER 'app'@'%' IDENTIFIED BY '';"],
  ] as const)('MariaDB %s, %j, %j', (isMariaDb, account, login, sql) => {
    expect(loginStatement(app, { isMariaDb, account }, login)).toBe(sql);
  });
});

describe('rights', () => {
  const level = { database: 'a\\_b', table: '*' };
  it.each([
    ["GRANT USAGE ON *.* TO `a ON b`@`%` IDENTIFIED BY PASSWORD '*6C'", { database: '*', table: '*' }, 'USAGE', false],
    ["GRANT SELECT, LOCK TABLES ON `a\\_b`.* TO 'x'@'h' WITH GRANT OPTION", level, 'SELECT,LOCK TABLES', true],
    [
      'GRANT SELECT (`x`, `GRANT OPTION`), INSERT ON TABLE "d".`t``1` TO x@`WITH GRANT OPTION`',
      { database: 'd', table: 't`1' },
      'SELECT(x),SELECT(GRANT OPTION),INSERT',
      false,
    ],
    ['GRANT XA_RECOVER_ADMIN ON *.* TO `r`@`%`', { database: '*', table: '*' }, 'XA_RECOVER_ADMIN', false],
  ] as const)('%s', (line, at, rights, isGrantable) => {
    const grant = parseGrant(line)!;
    const shown = grant.rights.map(({ name, column }) => (column === undefined ? name : `${name}(${column})`));
    expect([grant.level, shown.join(','), grant.isGrantable]).toEqual([at, rights, isGrantable]);
  });
  it.each([
    'GRANT `role`@`%` TO `x`@`%`',
    "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
    'GRANT EXECUTE ON PROCEDURE `d`.`p` TO `x`@`%`',
    'SET DEFAULT ROLE r FOR x',
    '',
  ])('%j is not about databases and tables', (line) => {
    expect(parseGrant(line)).toBeUndefined();
  });
  it('all of MySQL 8 are all, and names that mean the same are the same', () => {
    const everything = { database: '*', table: '*' };
    const lines = [
      'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE, REFERENCES, INDEX, ALTER, SHOW DATABASES, SUPER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE TABLESPACE, CREATE ROLE, DROP ROLE ON *.* TO `root`@`localhost` WITH GRANT OPTION',
      'GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* TO `root`@`localhost` WITH GRANT OPTION',
    ];
    const has = (grant: string, of: readonly string[]): boolean =>
      isHeld({ ...wantedRights(grant, false)!, level: everything }, heldAt(of, everything));
    expect([has('all', lines), has('ALL PRIVILEGES', lines.slice(1)), has('backup_admin', lines)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(has('replication client', ['GRANT BINLOG MONITOR ON *.* TO `x`@`%`'])).toBe(true);
  });
  it('levels: what is escaped, and what is none', () => {
    expect([levelOf('a_b.*', true), levelOf('a_b.*', false), levelOf('a\\_b.*', true)]).toEqual([
      level,
      { database: 'a_b', table: '*' },
      level,
    ]);
    expect(levelOf('`a.b`.t_1', true)).toEqual({ database: 'a.b', table: 't_1' });
    expect(['app', '.t', 'app.', '*'].map((text) => levelOf(text, true))).toEqual(Array(4).fill(undefined));
  });
  it('statements', () => {
    const wanted = { ...wantedRights('select (a), select, insert', true)!, level };
    expect(grantStatement(app, wanted)).toBe(
      "GRANT SELECT, INSERT, SELECT (`a`) ON `a\\_b`.* TO 'app'@'%' WITH GRANT OPTION;",
    );
    expect(revokeStatement(app, { ...wantedRights('all, grant option', false)!, level })).toBe(
      "REVOKE GRANT OPTION ON `a\\_b`.* FROM 'app'@'%';\nREVOKE ALL PRIVILEGES ON `a\\_b`.* FROM 'app'@'%';",
    );
    for (const text of ['', 'select;', "select'", 'select (a', 'select (a) b', '`select`', 'a,,b'])
      expect(wantedRights(text, false), text).toBeUndefined();
  });
  it('TLS', () => {
    const wanted = tlsRequirement([{ ssl: true }, { SUBJECT: "/CN='x'" }]);
    expect(tlsStatement(app, wanted)).toBe("ALTER USER 'app'@'%' REQUIRE SUBJECT '/CN=''x''';");
    const row = { ssl_type: 'SPECIFIED', ssl_cipher: '', x509_issuer: null, x509_subject: "/CN='x'" };
    expect(requirementOf(row)).toEqual(wanted);
    expect(tlsRequirement([{ SSL: false }])).toEqual(requirementOf({}));
  });
});

it('answers of the client: NULL is not NULL, and letters are as they were', () => {
  const xml = `<?xml version="1.0"?>

<resultset statement="select 1 &lt; 2" xmlns:xsi="x">
  <row>
	<field name="a&lt;b">x&amp;lt;
</field>
	<field name="n" xsi:nil="true" />
  </row>
  <row>
	<field name="a&lt;b"></field>
	<field name="n">NULL</field>
  </row>
</resultset>
<resultset statement="none" xmlns:xsi="x"></resultset>`;
  expect(parseResults(xml)).toEqual([
    {
      columns: ['a<b', 'n'],
      rows: [
        { 'a<b': 'x&lt;\n', n: null },
        { 'a<b': '', n: 'NULL' },
      ],
    },
    { columns: [], rows: [] },
  ]);
});
