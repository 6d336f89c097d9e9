import { formatDiagnostic, Secret } from '@edge-run/shared/kernel';
import { dumpJson } from '@edge-run/shared/render';
import { encodeValue, fromPlain, type PyMap, revealValue, toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPillar, testPillars } from '../../support/compile-pillar.ts';
import { block, EncryptionKeys } from '../../support/encryption-keys.ts';
import { encryptAsSops, type SopsData, type SopsOptions } from '../../support/sops-file.ts';

let keys: EncryptionKeys;
let others: EncryptionKeys;
beforeAll(async () => {
  [keys, others] = await Promise.all([EncryptionKeys.make(), EncryptionKeys.make()]);
});
afterAll(() => Promise.all([keys.dispose(), others.dispose()]));

const GRAINS = fromPlain({ os: 'Debian' }) as PyMap;

async function compileFile(text: string, more: Partial<TestPillar> = {}) {
  const trees = { base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': text } };
  const compile = testPillars({ trees, decryption: keys.decryption(), ...more });
  return compile({ id: 'web1', grains: GRAINS, pillarenv: undefined });
}

async function pillarOf(text: string, more: Partial<TestPillar> = {}): Promise<PyMap> {
  const { value, diagnostics } = await compileFile(text, more);
  expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  return value!;
}

const revealed = (value: Value): unknown => toPlain(revealValue(value));

describe('#!yaml|gpg and #!yaml|age', () => {
  it('decrypts every message in the loaded values, lists included, and seals it', async () => {
    const [one, two] = [await keys.gpg('hunter2'), await keys.gpg('second line\nof two\n')];
    const list = `  - plain\n  - ${block(two, '    ')}`;
    const pillar = await pillarOf(`#!yaml|gpg\npassword: ${block(one)}user: bob\nlist:\n${list}`);
    expect(revealed(pillar)).toEqual({ password: 'hunter2', user: 'bob', list: ['plain', 'second line\nof two\n'] });
    expect(pillar.get('password')).toBeInstanceOf(Secret);
    expect(JSON.stringify(encodeValue(pillar))).not.toContain('hunter2');
    expect(encodeValue(pillar)).toMatchObject({ password: '[secret]', user: 'bob', list: ['plain', '[secret]'] });
  });

  it('renders Jinja first, and keeps text around a message', async () => {
    const message = (await keys.gpg('hunter2')).trimEnd().replaceAll('\n', '\\n');
    const pillar = await pillarOf(`#!jinja|yaml|gpg\n{{ grains.os }}:\n  url: "postgres://u:${message}@db"\n`);
    expect(revealed(pillar)).toEqual({ Debian: { url: 'postgres://u:hunter2@db' } });
    expect(encodeValue(pillar)).toEqual({ Debian: { url: '[secret]' } });
  });

  it('decrypts what the age program wrote', async () => {
    const pillar = await pillarOf(`#!yaml|age\nkey: ${block(await keys.age('from age'))}`);
    expect(revealed(pillar)).toEqual({ key: 'from age' });
    expect(encodeValue(pillar)).toEqual({ key: '[secret]' });
  });

  for (const kind of ['gpg', 'age'] as const) {
    it(`${kind}: a message for another key fails the pillar, with place and reason and neither text`, async () => {
      const { value, diagnostics } = await compileFile(
        `#!yaml|${kind}\nx: 1\na:\n  key: ${block(await others[kind]('hunter2'), '    ')}`,
      );
      expect(value).toBeUndefined();
      expect(diagnostics).toMatchObject([{ code: 'EDGE_DECRYPT_FAILED', source: { file: 'a.sls', line: 4 } }]);
      expect(diagnostics[0]!.summary).toMatch(/^a:key: /);
      expect(formatDiagnostic(diagnostics[0]!)).not.toMatch(/hunter2|BEGIN/);
    });
  }

  it('leaves what it cannot decrypt when gpg_decrypt_must_succeed is False', async () => {
    const message = await others.gpg('hunter2');
    const more = { decryption: keys.decryption(false) };
    const { value, diagnostics } = await compileFile(`#!yaml|gpg\na: ${block(message)}`, more);
    expect(value!.get('a')).toBe(message);
    expect(diagnostics).toMatchObject([{ severity: 'warning', code: 'EDGE_DECRYPT_FAILED' }]);
  });
});

describe('decrypt_pillar', () => {
  it('decrypts the paths it names, wherever they come from, and nothing else', async () => {
    const [pgp, age] = [await keys.gpg('from gpg'), await keys.age('from age')];
    const pillar = await pillarOf(
      `secrets:\n  a: ${block(pgp, '    ')}  b:\n    c: ${block(age, '      ')}other: ${block(pgp)}`,
      {
        settings: {
          decrypt_pillar: ['secrets|a', { 'secrets|b': 'age' }, 'not|there'],
          decrypt_pillar_delimiter: '|',
        },
      },
    );
    expect(revealed(pillar)).toEqual({ secrets: { a: 'from gpg', b: { c: 'from age' } }, other: pgp });
  });

  it('uses decrypt_pillar_default, and refuses a renderer nobody has', async () => {
    const settings = { decrypt_pillar: ['a'], decrypt_pillar_default: 'age' };
    expect(revealed(await pillarOf(`a: ${block(await keys.age('x1y2z3'))}`, { settings }))).toEqual({ a: 'x1y2z3' });
    const { value, diagnostics } = await compileFile('a: 1\n', { settings: { decrypt_pillar: [{ a: 'gpgg' }] } });
    expect(value).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code: 'EDGE_CONFIG_INVALID', detail: 'did you mean `gpg`?' }]);
  });
});

describe('files of SOPS', () => {
  const DATA: SopsData = {
    database: { user: 'shop', password: 'hunter2', port: 5432, ratio: 0.25, tls: true, nothing: null },
    list: ['one', { two: 'zwei' }],
    note_unencrypted: { text: 'plain', port: 80, on: false },
    empty: '',
  };
  const forAge = (to: EncryptionKeys) => async (key: Buffer) => ({ age: [{ recipient: 'x', enc: await to.age(key) }] });
  const forPgp = (to: EncryptionKeys) => async (key: Buffer) => ({ pgp: [{ fp: 'x', enc: await to.gpg(key) }] });
  const fileOf = async (options: SopsOptions) => dumpJson(fromPlain(await encryptAsSops(DATA, options)), { indent: 2 });

  for (const [name, recipients] of [
    ['age', () => forAge(keys)],
    ['PGP', () => forPgp(keys)],
  ] as const) {
    it(`are decrypted by an ${name} key, types and all, their sops block left out`, async () => {
      const pillar = await pillarOf(await fileOf({ recipients: recipients() }));
      expect(revealed(pillar)).toEqual(DATA);
      const shown = encodeValue(pillar);
      expect(shown).toMatchObject({
        database: { user: '[secret]', port: '[secret]', tls: '[secret]', nothing: null },
        note_unencrypted: { text: 'plain', port: 80 },
      });
      expect(JSON.stringify(shown)).not.toMatch(/hunter2|5432|zwei/);
    });
  }

  it('may count their encrypted values only', async () => {
    const text = await fileOf({ recipients: forAge(keys), macOnlyEncrypted: true });
    expect(revealed(await pillarOf(text))).toEqual(DATA);
    expect(revealed(await pillarOf(text.replace('"plain"', '"changed"')))).toMatchObject({
      note_unencrypted: { text: 'changed' },
    });
  });

  it('of several recipients one of ours is enough', async () => {
    const recipients = async (key: Buffer) => ({ age: [{ enc: await others.age(key) }, { enc: await keys.age(key) }] });
    expect(revealed(await pillarOf(await fileOf({ recipients })))).toEqual(DATA);
  });

  for (const [what, change, says] of [
    ['a plain value was changed', (text: string) => text.replace('"plain"', '"changed"'), /MAC/],
    ['a value was removed', (text: string) => text.replace(/"user": "ENC[^"]*",/, ''), /MAC/],
    [
      'two values were swapped',
      (text: string) => {
        const [user, password] = [/"user": ("ENC[^"]*")/.exec(text)![1]!, /"password": ("ENC[^"]*")/.exec(text)![1]!];
        return text.replace(user, '@').replace(password, user).replace('@', password);
      },
      /database:user was changed/,
    ],
    ['a tag was cut short', (text: string) => text.replace(/(tag:.{4})[^,]*(,type:int)/, '$1$2'), /database:port/],
  ] as const) {
    it(`are refused when ${what}`, async () => {
      const text = await fileOf({ recipients: forAge(keys) });
      expect(change(text)).not.toBe(text);
      const { value, diagnostics } = await compileFile(change(text));
      expect(value).toBeUndefined();
      expect(diagnostics).toMatchObject([{ code: 'EDGE_DECRYPT_FAILED', source: { file: 'a.sls' } }]);
      expect(diagnostics[0]!.summary).toMatch(says);
      expect(JSON.stringify(diagnostics)).not.toMatch(/hunter2|zwei/);
    });
  }

  it('say for which keys they are not', async () => {
    const { diagnostics } = await compileFile(await fileOf({ recipients: forAge(others) }));
    expect(diagnostics[0]!.summary).toMatch(/no key of this machine decrypts the data key \(age: /);
  });
});
