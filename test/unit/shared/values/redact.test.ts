import { DiagnosticsError, EdgeError, type JsonObject, type Logger, Secret } from '@edge-run/shared/kernel';
import {
  decodeValue,
  encodeValue,
  fromPlain,
  PyMap,
  PyTuple,
  Redactor,
  revealValue,
  toPlain,
  type Value,
} from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';

function knowing(...secrets: Value[]): Redactor {
  const redactor = new Redactor();
  redactor.learn(secrets);
  return redactor;
}

describe('Redactor', () => {
  const PEM = '-----BEGIN KEY-----\nfirstlineofkey\n}\nsecondline\n-----END KEY-----\n';

  it('finds a secret as templates write it: inside text, as JSON, base64, in an address, quoted for a shell', () => {
    const secret = 'p"a\\s\'s/w ö{rd';
    const redactor = knowing(new Secret(secret));
    for (const written of [
      `x${secret}y`,
      `x${JSON.stringify(secret)}y`,
      `x${Buffer.from(secret).toString('base64').replace(/=+$/, '')}y`,
      `x${encodeURIComponent(secret)}y`,
      `x'${secret.replaceAll("'", "''")}'y`,
      `x'${secret.replaceAll("'", `'"'"'`)}'y`,
    ]) {
      expect(redactor.text(written), written).toMatch(/^x['"]?\[secret\]['"]?y$/);
    }
  });

  it('finds each line of a secret of many lines, because a diff shows lines', () => {
    const redactor = knowing(new Secret(PEM));
    expect(redactor.text(`file:\n${PEM}`)).toBe('file:\n[secret]');
    expect(redactor.text('-firstlineofkey\n+secondline\n }')).toBe('-[secret]\n+[secret]\n }');
  });

  it('finds the longest of secrets that begin alike, and those with signs of patterns', () => {
    const redactor = knowing([new Secret('abcdef'), new Secret('abcdef.*ghi'), new Secret('$(a|b)[c]{d}+?^')]);
    expect(redactor.text('abcdef.*ghi abcdefxghi $(a|b)[c]{d}+?^')).toBe('[secret] [secret]xghi [secret]');
  });

  it('finds a short secret where it stands alone, and numbers that are one', () => {
    const redactor = knowing([new Secret('ab'), new Secret('5432', 'integer'), new Secret('True', 'boolean')]);
    expect(redactor.text('ab cab abc "ab" True')).toBe('[secret] cab abc "[secret]" True');
    expect(toPlain(redactor.value(fromPlain({ port: 5432, other: 5433, list: [5432, '5432'] })))).toEqual({
      port: '[secret]',
      other: 5433,
      list: ['[secret]', '[secret]'],
    });
  });

  it('goes through keys, tuples, bytes, JSON, errors and log lines', () => {
    const redactor = knowing(new PyMap([['a', [new Secret('hunter2')]]]));
    const value = new PyMap([['k hunter2', new PyTuple(['hunter2', new Uint8Array(Buffer.from('xhunter2'))])]]);
    expect(encodeValue(redactor.value(value))).toEqual({ 'k [secret]': { $tuple: ['[secret]', '[secret]'] } });
    const error = redactor.error(
      new EdgeError('EDGE_COMMAND_FAILED', 'echo hunter2', { a: ['hunter2'] }, { hint: 'hunter2' }),
    );
    expect(error).toMatchObject({
      ...{ code: 'EDGE_COMMAND_FAILED', message: 'echo [secret]', details: { a: ['[secret]'] }, hint: '[secret]' },
    });
    const lines: [string, JsonObject | undefined][] = [];
    const write = (message: string, fields?: JsonObject): void => void lines.push([message, fields]);
    const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
    redactor.logger(log).child({ job: 'hunter2' }).warn('saw hunter2', { text: 'hunter2' });
    expect(lines).toEqual([['saw [secret]', { text: '[secret]' }]]);
  });

  it('changes nothing before it has learnt a secret, and forgets empty ones', () => {
    const redactor = knowing(new Secret(''));
    const value = fromPlain({ a: ['b'] });
    expect(redactor.isNeeded).toBe(false);
    expect(redactor.value(value)).toBe(value);
    expect(redactor.text('anything')).toBe('anything');
  });

  it('seals in place what holds a secret', () => {
    const value = fromPlain({ url: 'x hunter2', list: ['hunter2', 'plain'] }) as PyMap;
    const list = value.get('list');
    knowing(new Secret('hunter2')).seal(value);
    expect(encodeValue(value)).toEqual({ url: '[secret]', list: ['[secret]', 'plain'] });
    expect(value.get('list')).toBe(list);
    expect(toPlain(revealValue(value))).toEqual({ url: 'x hunter2', list: ['hunter2', 'plain'] });
  });
});

describe('a text that is secret in parts', () => {
  const redactor = knowing(new Secret('hunter2'), new Secret('s p a c e'));

  it('is told with its parts, so that who is given it hides those and not the rest', () => {
    const given = fromPlain({ arg: ['--password', 'x=hunter2 y=s p a c e', 'hunter2'] });
    const sealed = redactor.sealed(given);
    expect(toPlain(given)).toEqual({ arg: ['--password', 'x=hunter2 y=s p a c e', 'hunter2'] });
    expect(encodeValue(sealed)).toEqual({ arg: ['--password', '[secret]', '[secret]'] });
    const there = decodeValue(JSON.parse(JSON.stringify(encodeValue(sealed, { secrets: 'revealed' }))));
    expect(toPlain(revealValue(there))).toEqual(toPlain(given));
    const host = knowing(there);
    expect(host.text('--password x=1 hunter2, s p a c e')).toBe('--password x=1 [secret], [secret]');
  });

  it('is cut down in problems, with the lines they show, and in data; numbers and codes stay', () => {
    const problem = { severity: 'error', code: 'EDGE_BAD_ARGUMENT', summary: 'no hunter2', detail: '' } as const;
    const told = redactor.error(
      new DiagnosticsError([{ ...problem, source: { file: 'a.sls', line: 2, text: 'x: hunter2' } }]),
    ) as DiagnosticsError;
    expect(told.diagnostics).toEqual([
      { ...problem, summary: 'no [secret]', source: { file: 'a.sls', line: 2, text: 'x: [secret]' } },
    ]);
    expect(told.message).toBe('a.sls:2: no [secret]');
    expect(redactor.texts({ hunter2: ['a hunter2', 2, null] })).toEqual({ hunter2: ['a [secret]', 2, null] });
  });
});

describe('secrets that are no text', () => {
  it('keep their type on the way to their host, and are sealed for everybody else', () => {
    const value = [
      new Secret('5', 'integer'),
      new Secret('1.0', 'float'),
      new Secret('False', 'boolean'),
      new Secret('5'),
    ];
    const there = decodeValue(JSON.parse(JSON.stringify(encodeValue(value, { secrets: 'revealed' }))));
    expect(encodeValue(revealValue(there))).toEqual([5, { $float: '1.0' }, false, '5']);
    expect(encodeValue(there)).toEqual(['[secret]', '[secret]', '[secret]', '[secret]']);
  });

  it('are not copied where there is nothing to reveal', () => {
    const value = fromPlain({ a: [{ b: 1 }] });
    expect(revealValue(value)).toBe(value);
  });
});
