import { createCatalog } from '@edge-run/shared/execute';
import { isoText, parseEnd } from '@edge-run/shared/modules/providers/acme';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const cert = catalog.states.get('acme.cert')!;
const run = async (args: object, host: FakeHost, mode?: 'plan') => {
  const end = await runState(cert, moduleContext(host), { ...args }, mode);
  return { ...end, changes: toPlain(end.changes) };
};
const call = async (name: string, host: FakeHost, args: readonly unknown[] = [], kwargs = {}) =>
  (await callFunction(catalog.functions.get(`acme.${name}`)!, moduleContext(host), args, kwargs)).answer;

const LIVE = '/etc/letsencrypt/live';

/** A host with certbot; its certificates end in so many days. */
function machine(daysLeft: Record<string, number> = {}): FakeHost {
  const days = new Map(Object.entries(daysLeft));
  const host = new FakeHost('web1');
  const put = (name: string): void => {
    host.file(`${LIVE}/${name}/cert.pem`, 'x').file(`${LIVE}/${name}/privkey.pem`, 'x', { mode: 0o600 });
  };
  for (const name of days.keys()) put(name);
  return host.on(
    [/^sh -c for p in/, { stdout: 'certbot\n' }],
    [
      /^openssl x509/,
      (words) => {
        const left = days.get(words[3]!.split('/')[4]!)!;
        if (words.includes('-checkend')) return { exitCode: left * 86_400 > Number(words.at(-1)) ? 0 : 1 };
        return { stdout: words.includes('-text') ? 'Certificate:\n' : 'notAfter=Feb  2 00:48:09 2027 GMT\n' };
      },
    ],
    [
      /^certbot/,
      (words) => {
        const name = words[words.indexOf('--cert-name') + 1 || words.indexOf('--domains') + 1]!;
        days.set(name, 90);
        put(name);
        return {};
      },
    ],
    [/^chown/, {}],
    [
      /^chmod/,
      ([, mode, , path]) => {
        host.file(path!, 'x', { mode: Number.parseInt(mode!, 8) });
        return {};
      },
    ],
  );
}
const START = 'certbot certonly --non-interactive --agree-tos';

describe('acme.cert', () => {
  it('obtained once, with a key that others cannot read', async () => {
    const host = machine();
    const args = { name: 'example.com', aliases: ['www.example.com'], email: 'jane@example.com', webroot: '/srv/www' };
    const changes = { 'Certificate example.com obtained': { old: null, new: 'new certificate' } };
    expect(await run(args, host, 'plan')).toMatchObject({ result: null, changes });
    expect(host.changes).toEqual([]);
    expect(await run(args, host)).toMatchObject({
      ...{ result: true, changes, comment: 'Certificate example.com obtained: it ends at 2027-02-02T00:48:09' },
    });
    expect(host.changes).toEqual([
      `${START} --authenticator webroot --webroot-path /srv/www --email jane@example.com --domains example.com --domains www.example.com`,
      `chown -h root:root -- ${LIVE}/example.com/privkey.pem`,
      `chmod 0640 -- ${LIVE}/example.com/privkey.pem`,
    ]);
    expect(await run(args, host)).toMatchObject({ result: true, changes: {} });
  });
  const cases: [string, object, string][] = [
    ['by itself', {}, '--authenticator standalone'],
    ['where it is configured', { webroot: true }, '--authenticator webroot'],
    [
      'through DNS',
      { dns_plugin: 'cloudflare', dns_plugin_credentials: '/root/cf.ini' },
      '--dns-cloudflare --dns-cloudflare-credentials /root/cf.ini --dns-cloudflare-propagation-seconds 10',
    ],
    ['a trial', { test_cert: true, keysize: 4096 }, '--test-cert --authenticator standalone --rsa-key-size 4096'],
    [
      'another authority and port',
      { server: 'https://ca.example.com/dir', http_01_port: 8080, preferred_challenges: 'http' },
      '--server https://ca.example.com/dir --authenticator standalone --preferred-challenges http --http-01-port 8080',
    ],
    ['another name', { certname: 'mine' }, '--cert-name mine --authenticator standalone'],
  ];
  it.each(cases)('asked for %s', async (_, args, words) => {
    const host = machine();
    expect(await run({ name: 'example.com', ...args }, host)).toMatchObject({ result: true });
    expect(host.changes[0]).toBe(`${START} ${words} --domains example.com`);
  });
  it.each([
    [{ renew: 14 }, 30, false],
    [{ renew: 14 }, 7, true],
    [{}, 1, false],
    [{}, 0, true],
    [{ renew: true }, 80, true],
    [{ renew: 'force' }, 80, true],
  ])('%j with %i days left: renewed %s', async (args, left, isRenewed) => {
    const host = machine({ 'example.com': left });
    host.file(`${LIVE}/example.com/privkey.pem`, 'x', { mode: 0o640 });
    expect((await run({ name: 'example.com', ...args }, host)).result).toBe(true);
    expect(host.changes[0]?.includes('--renew-by-default') ?? false).toBe(isRenewed);
  });
  it('more names than it had are added', async () => {
    const host = machine();
    host.on([/^certbot.*example\.com$/, { exitCode: 1, stderr: 'use --expand to add names' }]);
    expect(await run({ name: 'example.com' }, host)).toMatchObject({ result: true });
    expect(host.changes[1]).toMatch(/ --expand$/);
  });
  it('the key alone is put right', async () => {
    const host = machine({ 'example.com': 60 });
    expect(await run({ name: 'example.com' }, host, 'plan')).toMatchObject({ result: null, changes: { mode: '0640' } });
    expect(await run({ name: 'example.com' }, host)).toMatchObject({ result: true });
  });
  it('failures say why', async () => {
    const host = machine().on([/^certbot/, { exitCode: 1, stderr: 'too many certificates' }]);
    expect(await run({ name: 'example.com' }, host)).toMatchObject({
      ...{ result: false, comment: expect.stringContaining('web1: too many certificates') },
    });
    const bare = machine().on([/^sh -c for p in/, { exitCode: 1 }]);
    expect(await run({ name: 'example.com' }, bare)).toMatchObject({ comment: 'there is no certbot on web1' });
    const both = { name: 'example.com', server: 'https://ca.example.com', test_cert: true };
    expect(await run(both, machine(), 'plan')).toMatchObject({ comment: 'Use either server or test_cert, not both' });
  });
  it.each([{ name: '--x' }, { name: 'a b' }, { name: 'a', renew: 'soon' }, { name: 'a', certname: '../x' }])(
    '%j is an error before anything runs',
    async (args) => {
      await expect(run(args, machine())).rejects.toThrow(/acme\.cert/);
    },
  );
});

it('reads the end of a certificate', () => {
  expect(isoText(parseEnd('notAfter=Feb 20 00:48:09 2027 GMT\n')!)).toBe('2027-02-20T00:48:09');
  expect(parseEnd('unable to load certificate')).toBeUndefined();
});

it('functions', async () => {
  const host = machine({ 'example.com': 20 });
  expect(await call('certs', host)).toEqual(['example.com']);
  expect(await call('certs', new FakeHost())).toEqual([]);
  expect(await call('has', host, ['other.com'])).toBe(false);
  expect(await call('info', host, ['other.com'])).toEqual({});
  expect(await call('info', host, ['example.com'])).toEqual({
    text: 'Certificate:\n',
    not_after: '2027-02-02T00:48:09',
  });
  expect(await call('expires', host, ['example.com'])).toBe('2027-02-02T00:48:09');
  expect(await call('renew_by', host, ['example.com', 2])).toBe('2027-01-31T00:48:09');
  expect(await call('needs_renewal', host, ['example.com', 14])).toBe(false);
  expect(await call('needs_renewal', host, ['example.com', 'force'])).toBe(true);
  expect(await call('cert', host, ['example.com'])).toMatchObject({ comment: 'Certificate example.com unchanged' });
  expect(await call('cert', host, ['example.com'], { renew: 30 })).toMatchObject({
    comment: 'Certificate example.com renewed',
  });
});
