import {
  addName,
  namesOf,
  parseHosts,
  removeName,
  setComment,
  setNames,
} from '@edge-run/shared/modules/providers/hosts';
import {
  type AuthorizedKey,
  authorizedLine,
  findKnownHost,
  findOwnEntries,
  hasFingerprint,
  hashName,
  isCalled,
  keyType,
  parseAuthorizedKey,
  parseAuthorizedKeys,
  parseKnownHosts,
  pathOf,
  removeKey,
  removeKnownHost,
  setKey,
  setKnownHost,
  splitOptions,
} from '@edge-run/shared/modules/providers/ssh';
import { clockOf, setClock } from '@edge-run/shared/modules/providers/timezone';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const textsOf = (lines: readonly { readonly text: string }[]): string => lines.map(({ text }) => text).join('');
/** A file of these lines, whose last one may lack its end. */
const fileOf = (line: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(line, { maxLength: 8 }), fc.boolean())
    .map(([lines, isEnded]) => lines.join('\n') + (isEnded && lines.length > 0 ? '\n' : ''));
/** Without its end: that of the last line may be added. */
const bare = (text: string): string => text.replace(/[\r\n]+$/, '');

/** The base64 of a key of a type. */
const keyOf = (type: string, body: Uint8Array): string => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(type.length);
  return Buffer.concat([head, Buffer.from(type), body]).toString('base64');
};
const TYPES = ['ssh-rsa', 'ssh-ed25519', 'ecdsa-sha2-nistp256', 'sk-ssh-ed25519@openssh.com'] as const;
const typed = fc.constantFrom(...TYPES).chain((enc) =>
  // A few bodies only: the same key is to come up twice.
  fc.constantFrom(1, 2, 3).map((body) => ({ enc: enc as string, key: keyOf(enc, new Uint8Array(40).fill(body)) })),
);

describe('hosts', () => {
  const ip = fc.constantFrom('10.0.0.1', '10.0.0.2', '::1', '10.0.0.11');
  const name = fc.constantFrom('a', 'b', 'b.example.com', 'ab');
  const line = fc.oneof(
    fc
      .tuple(ip, fc.array(name), fc.constantFrom(' ', '\t\t'), fc.constantFrom('', ' # c', '#10.0.0.1 a', ' ', '\r'))
      .map(([address, names, space, tail]) => [address, ...names].join(space) + tail),
    fc.string({ unit: fc.constantFrom(...'#ab 1.\t:') }),
  );
  const file = fileOf(line);
  const others = (text: string, address: string): string[] =>
    parseHosts(text).flatMap(({ text: written, entry }) => (entry?.ip === address ? [] : [bare(written)]));

  it('every text comes out as it went in', () => {
    fc.assert(fc.property(file, (text) => textsOf(parseHosts(text)) === text));
  });
  it('add, remove, set: done the first time, nothing the second, and no other address is touched', () => {
    fc.assert(
      fc.property(file, ip, name, fc.array(name), (text, address, wanted, names) => {
        const added = addName(text, address, wanted);
        expect(namesOf(added, address)).toContain(wanted);
        expect(addName(added, address, wanted)).toBe(added);
        const removed = removeName(added, address, wanted);
        expect(namesOf(removed, address)).toEqual(namesOf(text, address).filter((other) => other !== wanted));
        expect(removeName(removed, address, wanted)).toBe(removed);
        const set = setNames(text, address, names);
        expect(namesOf(set, address)).toEqual(names);
        expect(setNames(set, address, names)).toBe(set);
        for (const after of [added, removed, set]) expect(others(after, address)).toEqual(others(text, address));
      }),
    );
  });
  it('a name that was added goes without a trace', () => {
    fc.assert(
      fc.property(file, ip, (text, address) => {
        const back = removeName(addName(text, address, 'new'), address, 'new');
        // A line that lacked its end, or had an address alone, is the one thing that may differ.
        fc.pre(parseHosts(text).every(({ entry }) => entry?.ip !== address || entry.names.length > 0));
        expect(bare(back)).toBe(bare(text));
      }),
    );
  });
  it('a comment stands behind the names, once', () => {
    fc.assert(
      fc.property(file, ip, (text, address) => {
        fc.pre(namesOf(text, address).length > 0);
        const set = setComment(text, address, 'why');
        expect(parseHosts(set).find(({ entry }) => entry?.ip === address)?.entry?.comment).toBe('why');
        expect(setComment(set, address, 'why')).toBe(set);
        expect(namesOf(set, address)).toEqual(namesOf(text, address));
        expect(others(set, address)).toEqual(others(text, address));
      }),
    );
  });
});

describe('authorized keys', () => {
  const option = fc.oneof(
    fc.constantFrom(
      'no-pty',
      'restrict',
      'command="a, \\"b\\" c"',
      'from="10.0.0.0/8,!10.0.0.1"',
      'environment="A=#x"',
    ),
    fc.stringMatching(/^[a-z-]{1,9}="[^"\\\n\r]*"$/),
  );
  const comment = fc
    .oneof(fc.constant(''), fc.string())
    .map((text) => text.replaceAll(/[\n\r\u2028\u2029]/g, ' ').trim());
  const entry: fc.Arbitrary<AuthorizedKey> = fc
    .tuple(typed, fc.array(option, { maxLength: 3 }), comment)
    .map(([key, options, text]) => ({ ...key, options, comment: text }));
  const file = fileOf(
    fc.oneof(
      entry.map(authorizedLine),
      fc.constantFrom('', '# ssh-rsa x', 'ssh-rsa', 'command="open', 'a b c'),
      fc.string({ unit: fc.constantFrom(...'#ssh-ra =",\\') }),
    ),
  );
  const others = (text: string, key: string): string[] =>
    parseAuthorizedKeys(text).flatMap((line) => (line.entry?.key === key ? [] : [bare(line.text)]));

  it('every text comes out as it went in, and every key is read as it was written', () => {
    fc.assert(fc.property(file, (text) => textsOf(parseAuthorizedKeys(text)) === text));
    fc.assert(
      fc.property(entry, (wanted) => {
        expect(parseAuthorizedKey(authorizedLine(wanted))).toEqual(wanted);
      }),
    );
  });
  it('set: there once and as wanted, nothing the second time, no other line is touched; removed, it is gone', () => {
    fc.assert(
      fc.property(file, entry, (text, wanted) => {
        const set = setKey(text, wanted);
        const found = parseAuthorizedKeys(set.text).filter((line) => line.entry?.key === wanted.key);
        expect(found.map((line) => line.entry)).toEqual([wanted]);
        expect(setKey(set.text, wanted)).toEqual({ status: 'exists', text: set.text });
        expect(others(set.text, wanted.key)).toEqual(others(text, wanted.key));
        const removed = removeKey(set.text, wanted.key);
        expect(parseAuthorizedKeys(removed).map((line) => bare(line.text))).toEqual(others(text, wanted.key));
        expect(set.status === 'add').toBe(!parseAuthorizedKeys(text).some((line) => line.entry?.key === wanted.key));
      }),
    );
  });
  it('options are divided by commas outside of quotes', () => {
    fc.assert(
      fc.property(fc.array(option), (options) => {
        expect(splitOptions(options.join(','))).toEqual(options);
      }),
    );
  });
  it.each([
    ['.ssh/authorized_keys', '/home/app/.ssh/authorized_keys'],
    ['%h/keys/%u.%%h', '/home/app/keys/app.%h'],
    ['/etc/ssh/keys/%u', '/etc/ssh/keys/app'],
    ['../%u', '/home/app'],
  ])('the path %s', (config, path) => {
    expect(pathOf({ name: 'app', home: '/home/app' }, config)).toBe(path);
  });
  it.each(['%x', 'keys/%'])('a token that stands for nothing: %s', (config) => {
    expect(() => pathOf({ name: 'app', home: '/home/app' }, config)).toThrow('stands for nothing');
  });
});

describe('keys', () => {
  it.each([
    ['ssh-rsa', ['rsa', 'r', 'ssh-rsa'], ['dsa', 'ed25519']],
    ['ssh-dss', ['dsa', 'dss', 'd'], ['rsa']],
    ['ecdsa-sha2-nistp384', ['ecdsa', 'e', 'ecdsa-sha2-nistp384'], ['ecdsa-sha2-nistp256', 'ed25519']],
    ['ssh-ed25519', ['ed25519'], ['rsa', 'sk-ssh-ed25519@openssh.com']],
    ['sk-ssh-ed25519@openssh.com', ['sk-ssh-ed25519@openssh.com'], ['ed25519']],
  ])('%s by its names', (type, right, wrong) => {
    for (const enc of right) expect(isCalled(type, enc), enc).toBe(true);
    for (const enc of wrong) expect(isCalled(type, enc), enc).toBe(false);
  });
  it('what is no key has no type', () => {
    fc.assert(fc.property(fc.base64String(), (text) => keyType(text) === undefined || text.length > 12));
    for (const type of TYPES) expect(keyType(keyOf(type, new Uint8Array(8)))).toBe(type);
  });
  it('a fingerprint is known in every way it is written', () => {
    const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    // As `ssh-keygen -lf` and `ssh-keygen -E md5 -lf` print them.
    const base64 = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU';
    const digits = Buffer.from(base64.slice(7), 'base64').toString('hex');
    const md5 = 'MD5:65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd';
    for (const written of [
      base64,
      `${base64}=`,
      digits,
      digits.replace(/(..)(?!$)/g, '$1:').toUpperCase(),
      md5,
      md5.slice(4),
    ])
      expect(hasFingerprint(key, written), written).toBe(true);
    for (const written of ['', 'SHA256:x', digits.replace(/^./, '0'), `${md5}:00`])
      expect(hasFingerprint(key, written), written).toBe(false);
  });
});

describe('known hosts', () => {
  const name = fc.constantFrom('a.example.com', 'b.example.com', '[a.example.com]:2222', '192.0.2.7');
  const salt = fc.constantFrom(1, 2).map((byte) => new Uint8Array(20).fill(byte));
  const field = fc.oneof(
    fc.uniqueArray(name, { minLength: 1 }).map((names) => names.join(',')),
    fc.tuple(name, salt).map(([host, bytes]) => hashName(host, bytes)),
    fc.constantFrom('*', '*.example.com,!b.example.com', '?.example.com'),
  );
  const line = fc.oneof(
    fc.tuple(field, typed).map(([hostname, { enc, key }]) => `${hostname} ${enc} ${key}`),
    fc.tuple(field, typed).map(([hostname, { enc, key }]) => `@revoked ${hostname} ${enc} ${key} why`),
    fc.constantFrom('', '# a.example.com', 'a.example.com ssh-rsa'),
  );
  const file = fileOf(line);
  const kept = (text: string, host: string): string[] =>
    parseKnownHosts(text).flatMap((found) =>
      found.entry !== undefined && findOwnEntries(found.text, host).length > 0 ? [] : [bare(found.text)],
    );

  it('every text comes out as it went in', () => {
    fc.assert(fc.property(file, (text) => textsOf(parseKnownHosts(text)) === text));
  });
  it('set: known by the key, in clear and hashed, and by no other of its type; no other host is touched', () => {
    fc.assert(
      fc.property(file, name, typed, fc.option(salt), (text, host, key, bytes) => {
        const hostname = bytes === null ? host : hashName(host, bytes);
        const set = setKnownHost(text, host, { hostname, ...key });
        const own = findOwnEntries(set, host).filter(({ enc }) => enc === key.enc);
        expect(own).toEqual([{ hostname, ...key }]);
        expect(findKnownHost(set, host)).toContainEqual({ hostname, ...key });
        expect(setKnownHost(set, host, { hostname, ...key })).toBe(set);
        expect(kept(set, host)).toEqual(expect.arrayContaining(kept(text, host)));
        for (const other of ['a.example.com', 'b.example.com', '192.0.2.7'])
          if (other !== host)
            expect(findKnownHost(set, other).map((entry) => entry.key)).toEqual(
              findKnownHost(text, other).map((entry) => entry.key),
            );
      }),
    );
  });
  it('remove: not named any more, nothing the second time, others of its lines stay', () => {
    fc.assert(
      fc.property(file, name, (text, host) => {
        const removed = removeKnownHost(text, host);
        expect(findOwnEntries(removed, host)).toEqual([]);
        expect(removeKnownHost(removed, host)).toBe(removed);
        if (findOwnEntries(text, host).length === 0) expect(removed).toBe(text);
      }),
    );
  });
  it('patterns: as ssh takes them', () => {
    const { enc, key } = { enc: 'ssh-rsa', key: keyOf('ssh-rsa', new Uint8Array(9)) };
    const isKnown = (patterns: string, host: string): boolean =>
      findKnownHost(`${patterns} ${enc} ${key}\n`, host).length === 1;
    expect(isKnown('*.example.com,!b*', 'a.example.com')).toBe(true);
    expect(isKnown('*.example.com,!b*', 'b.example.com')).toBe(false);
    expect(isKnown('A.Example.com', 'a.example.com')).toBe(true);
    expect(isKnown('a?c*e', 'abcde')).toBe(true);
    expect(isKnown('a?c*e', 'abcd')).toBe(false);
    expect(isKnown('[x]:2222', '[x]:2222')).toBe(true);
    expect(isKnown('x', '[x]:2222')).toBe(false);
    expect(isKnown(`${'*a'.repeat(200)}b`, 'a'.repeat(250))).toBe(false);
  });
});

describe('adjtime', () => {
  it.each([
    ['', 'UTC'],
    ['0.0 0 0.0\n0\nLOCAL\n', 'localtime'],
    ['0.0 0 0.0\n0\nUTC\n', 'UTC'],
    ['0.0 0 0.0\n', 'UTC'],
  ])('%j', (text, clock) => {
    expect(clockOf(text)).toBe(clock);
  });
  it('says what was set, keeps the other lines, and nothing changes the second time', () => {
    const word = fc.constantFrom('', '0.0 0 0.0', '1', 'LOCAL', 'UTC', '-12.5 1700000000 0.000000');
    fc.assert(
      fc.property(fc.array(word), fc.constantFrom('UTC' as const, 'localtime' as const), (lines, clock) => {
        const text = lines.join('\n');
        const set = setClock(text, clock);
        expect(clockOf(set)).toBe(clock);
        expect(setClock(set, clock)).toBe(set);
        for (const [index, line] of lines.entries())
          if (index !== 2 && line !== '') expect(set.split('\n')[index]).toBe(line);
      }),
    );
  });
});
