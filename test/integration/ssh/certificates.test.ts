import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSshFleet, type SshFleet, type SshTarget, sshTarget } from '@edge-run/master/ssh';
import { Secret } from '@edge-run/shared/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasSshd, makeKey, type RunningSshd, startSshd } from '../../support/sshd.ts';

const TYPES = ['ed25519', 'ecdsa', 'rsa'] as const;

describe.skipIf(!hasSshd())(hasSshd() ? 'ssh certificates' : 'needs sshd: apt-get install openssh-server', () => {
  let sshd: RunningSshd;
  let ca: string;
  const fleets: SshFleet[] = [];
  const keygen = (...words: readonly string[]): void => {
    const { status, stderr } = spawnSync('ssh-keygen', ['-q', ...words], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const at = (name: string): string => join(sshd.directory, name);

  beforeAll(async () => {
    const first = await startSshd();
    ca = join(first.directory, 'ca');
    await makeKey(ca);
    sshd = first;
    // A second server that trusts the authority for users, and has a certificate of its own from it.
    const port = await startWithCertificates(first);
    sshd = port;
    for (const type of TYPES) {
      keygen('-t', type, '-N', '', '-f', at(type));
      keygen('-s', at('ca'), '-I', type, '-n', sshd.user, '-V', '-1h:+1h', at(`${type}.pub`));
    }
  }, 60_000);
  afterAll(() => sshd?.stop());
  afterEach(async () => {
    for (const fleet of fleets.splice(0)) await fleet.close();
  });

  /** The server anew, with what needs files that only exist once it had a folder. */
  async function startWithCertificates(before: RunningSshd): Promise<RunningSshd> {
    const files = ['ca', 'ca.pub'].map((name) => [name, join(before.directory, name)] as const);
    const contents = await Promise.all(files.map(async ([name, file]) => [name, await readFile(file)] as const));
    await before.stop();
    return startSshd({
      prepare: async (directory) => {
        for (const [name, content] of contents) await writeFile(join(directory, name), content, { mode: 0o600 });
        keygen(
          ...['-s', join(directory, 'ca'), '-h', '-I', 'host', '-n', 'web1,127.0.0.1'],
          join(directory, 'host_key.pub'),
        );
        return [
          `TrustedUserCAKeys ${join(directory, 'ca.pub')}`,
          `HostCertificate ${join(directory, 'host_key-cert.pub')}`,
        ];
      },
    });
  }

  const fleetOf = (more: Partial<SshTarget>, knownHosts = sshd.knownHostsFile, agent?: string): SshFleet => {
    const target = sshTarget({
      id: 'web1',
      host: sshd.host,
      port: sshd.port,
      user: sshd.user,
      connectTimeoutMs: 15_000,
      ...more,
    });
    const fleet = createSshFleet({
      roster: [target],
      hostKeys: { files: [knownHosts] },
      ...(agent === undefined ? {} : { credentials: { agent } }),
    });
    fleets.push(fleet);
    return fleet;
  };
  const whoAmI = async (fleet: SshFleet): Promise<string> =>
    (await (await fleet.host('web1')).probe(['id', '-un'])).stdout.trim();

  describe('of users', () => {
    it.each(TYPES)('%s: the certificate beside the key lets in', async (type) => {
      const steps = await fleetOf({ keyFiles: [at(type)] }).check('web1');
      expect(steps.find(({ step }) => step === 'login')?.detail).toBe(
        `${sshd.user} by certificate ${at(`${type}-cert.pub`)}`,
      );
      expect(steps.every(({ result }) => result === 'ok')).toBe(true);
    });
    it('one that is named lets in, with an encrypted key', async () => {
      await copyFile(at('ed25519'), at('locked'));
      keygen('-p', '-N', 'opens it', '-f', at('locked'));
      const named = { keyFiles: [at('locked')], certificateFiles: [at('ed25519-cert.pub')] };
      expect(await whoAmI(fleetOf({ ...named, passphrase: new Secret('opens it') }))).toBe(sshd.user);
    });
    it.each(TYPES)('%s: one whose key only the agent has lets in', async (type) => {
      const socket = at(`agent-${type}`);
      const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
      for (let look = 0; look < 100 && !existsSync(socket); look += 1)
        await new Promise((done) => setTimeout(done, 20));
      await copyFile(at(type), at(`alone-${type}`));
      spawnSync('ssh-add', ['-q', at(`alone-${type}`)], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      try {
        const fleet = fleetOf({ certificateFiles: [at(`${type}-cert.pub`)] }, undefined, socket);
        expect(await whoAmI(fleet)).toBe(sshd.user);
      } finally {
        const ended = once(agent, 'exit');
        agent.kill();
        await ended;
      }
    });
    it.each([
      ['is over', ['-V', '-2h:-1h'], /certificate .*over-cert\.pub \(valid until 20/],
      ['is for somebody else', ['-n', 'nobody-else'], /certificate .*over-cert\.pub, key /],
    ])('one that %s does not, and the error names it', async (_title, words, expected) => {
      await rm(at('over'), { force: true });
      keygen('-t', 'ed25519', '-N', '', '-f', at('over'));
      keygen('-s', at('ca'), '-I', 'over', ...words, at('over.pub'));
      const failed = fleetOf({ keyFiles: [at('over')] }).host('web1');
      await expect(failed).rejects.toMatchObject({
        code: 'EDGE_SSH_AUTH_FAILED',
        message: expect.stringMatching(expected),
      });
    });
    it('a file that is none is EDGE_SSH_KEY_UNUSABLE', async () => {
      const failed = fleetOf({ keyFiles: [sshd.keyFile], certificateFiles: [`${sshd.keyFile}.pub`] }).host('web1');
      await expect(failed).rejects.toMatchObject({ code: 'EDGE_SSH_KEY_UNUSABLE' });
    });
  });

  describe('of hosts', () => {
    const known = async (name: string, ...lines: readonly string[]): Promise<string> => {
      await writeFile(at(name), lines.map((line) => `${line}\n`).join(''));
      return at(name);
    };
    const caKey = async (): Promise<string> => (await readFile(at('ca.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
    const connect = async (file: string, more: Partial<SshTarget> = {}): Promise<string> =>
      whoAmI(fleetOf({ keyFiles: [sshd.keyFile], ...more }, file));

    it('an authority vouches for a host nobody has seen, and nothing is written', async () => {
      const line = `@cert-authority [127.0.0.1]:${sshd.port} ${await caKey()}`;
      const file = await known('kh-ca', line);
      expect(await connect(file)).toBe(sshd.user);
      expect(await readFile(file, 'utf8')).toBe(`${line}\n`);
      const steps = await fleetOf({ keyFiles: [sshd.keyFile] }, file).check('web1');
      expect(steps.find(({ step }) => step === 'host-key')?.detail).toContain('vouched for by an authority');
    });
    it('by the name its key is known under', async () => {
      const file = await known('kh-alias', `@cert-authority web* ${await caKey()}`);
      expect(await connect(file, { hostKeyAlias: 'web1' })).toBe(sshd.user);
      await expect(connect(file, { hostKeyAlias: 'web2' })).rejects.toMatchObject({
        code: 'EDGE_SSH_HOST_KEY_UNKNOWN',
        message: expect.stringContaining('its certificate is for web1, 127.0.0.1, not for web2'),
      });
    });
    it('another authority does not', async () => {
      const other = (await readFile(`${sshd.keyFile}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
      await expect(connect(await known('kh-other', `@cert-authority * ${other}`))).rejects.toMatchObject({
        code: 'EDGE_SSH_HOST_KEY_UNKNOWN',
        message: expect.stringContaining('which is no authority for it'),
      });
    });
    it('a host key that is revoked stays so, and an authority that is revoked vouches for nobody', async () => {
      const authority = `@cert-authority * ${await caKey()}`;
      const hostKey = (await readFile(at('host_key.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
      await expect(connect(await known('kh-rev', authority, `@revoked * ${hostKey}`))).rejects.toMatchObject({
        code: 'EDGE_SSH_HOST_KEY_REVOKED',
      });
      await expect(connect(await known('kh-rev-ca', authority, `@revoked * ${await caKey()}`))).rejects.toMatchObject({
        message: expect.stringContaining('revokes the authority'),
      });
    });
    it('wins over an old key: the host was set up anew', async () => {
      const old = (await readFile(`${sshd.keyFile}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
      const name = `[127.0.0.1]:${sshd.port}`;
      const file = await known('kh-old', `${name} ${old}`);
      await expect(connect(file)).rejects.toMatchObject({
        code: 'EDGE_SSH_HOST_KEY_CHANGED',
        message: expect.stringMatching(
          /shows the host key ssh-ed25519 SHA256:\S+, but ssh-ed25519 SHA256:\S+ is known/,
        ),
      });
      await appendFile(file, `@cert-authority ${name} ${await caKey()}\n`);
      expect(await connect(file)).toBe(sshd.user);
    });
    it('a host without a certificate is unknown, also with accept-new', async () => {
      const plain = await startSshd();
      try {
        const file = await known('kh-plain', `@cert-authority * ${await caKey()}`);
        const target = { port: plain.port, keyFiles: [plain.keyFile], hostKeyMode: 'accept-new' as const };
        await expect(connect(file, target)).rejects.toMatchObject({
          code: 'EDGE_SSH_HOST_KEY_UNKNOWN',
          message: expect.stringContaining('no authority vouches for it: it has no certificate'),
        });
      } finally {
        await plain.stop();
      }
    });
  });
});
