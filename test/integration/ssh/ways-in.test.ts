import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSshFleet, type SshFleet } from '@edge-run/master/ssh';
import { localRosterFiles, parseSshConfig } from '@edge-run/shared/roster';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasSshd, makeKey, type RunningSshd, startSshd } from '../../support/sshd.ts';

describe.skipIf(!hasSshd())(
  hasSshd() ? 'ways in by an ssh_config' : 'needs sshd: apt-get install openssh-server',
  () => {
    /** Each lets in its own key alone, and has a host key of its own. */
    let first: RunningSshd;
    let second: RunningSshd;
    let third: RunningSshd;
    let knownHosts: string;
    const fleets: SshFleet[] = [];
    beforeAll(async () => {
      [first, second, third] = await Promise.all([startSshd(), startSshd(), startSshd()]);
      knownHosts = join(first.directory, 'all_hosts');
      const known = await Promise.all(
        [first, second, third].map(({ knownHostsFile }) => readFile(knownHostsFile, 'utf8')),
      );
      await writeFile(knownHosts, known.join(''));
      // Names as ssh writes them where HashKnownHosts is on.
      spawnSync('ssh-keygen', ['-H', '-f', knownHosts]);
      expect(await readFile(knownHosts, 'utf8')).toMatch(/^\|1\|/);
    });
    afterAll(() => Promise.all([first, second, third].map((sshd) => sshd?.stop())));
    afterEach(async () => {
      for (const fleet of fleets.splice(0)) await fleet.close();
    });

    const fleetOf = (text: string, more: { agent?: string; knownHosts?: string } = {}): SshFleet => {
      const { value, diagnostics } = parseSshConfig(text, {
        file: 'config',
        user: first.user,
        home: first.directory,
        files: localRosterFiles,
      });
      expect(diagnostics).toEqual([]);
      const fleet = createSshFleet({
        roster: value!,
        hostKeys: { files: [more.knownHosts ?? knownHosts] },
        ...(more.agent === undefined ? {} : { credentials: { agent: more.agent } }),
      });
      fleets.push(fleet);
      return fleet;
    };
    const block = (name: string, { host, port, keyFile }: RunningSshd, ...lines: readonly string[]): string =>
      [`Host ${name}`, `HostName ${host}`, `Port ${port}`, `IdentityFile ${keyFile}`, ...lines, ''].join('\n');

    it('through two hosts, each with its own key and its own host key', async () => {
      const config = block('inner', third, 'ProxyJump outer,middle') + block('middle', second) + block('outer', first);
      const fleet = fleetOf(config);
      const detailOf = Object.fromEntries((await fleet.check('inner')).map(({ step, detail }) => [step, detail]));
      const jumps = [first, second].map(({ user, port }) => `${user}@127.0.0.1:${port}`);
      expect(detailOf).toMatchObject({
        connect: expect.stringContaining(`through ${jumps.join(', ')}`),
        'host-key': expect.stringContaining(third.fingerprint),
        login: `${third.user} by key ${third.keyFile}`,
      });
      expect((await (await fleet.host('inner')).probe(['id', '-un'])).stdout.trim()).toBe(third.user);
    });
    it('a jump host whose key is not known is refused, and nothing behind it is asked', async () => {
      const only = join(first.directory, 'only_third');
      await copyFile(third.knownHostsFile, only);
      const config = block('inner', third, 'ProxyJump outer') + block('outer', first);
      await expect(fleetOf(config, { knownHosts: only }).host('inner')).rejects.toMatchObject({
        code: 'EDGE_SSH_HOST_KEY_UNKNOWN',
        message: expect.stringContaining('outer'),
      });
    });
    it('a jump host that lets nobody in is the one the error names', async () => {
      const config =
        block('inner', third, 'ProxyJump outer') + block('outer', first).replace(first.keyFile, second.keyFile);
      const steps = await fleetOf(config).check('inner');
      expect(steps.at(-1)).toMatchObject({ result: 'failed', detail: expect.stringContaining('outer (127.0.0.1') });
    });
    it('IdentitiesOnly offers of the agent only the key whose public half is named', async () => {
      const socket = join(first.directory, 'agent.sock');
      const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
      for (let look = 0; look < 100 && !existsSync(socket); look += 1)
        await new Promise((done) => setTimeout(done, 20));
      // More keys than sshd lets anybody try.
      const others = Array.from({ length: 7 }, (_, index) => join(first.directory, `other-${index}`));
      for (const file of others) await makeKey(file);
      for (const file of [...others, first.keyFile]) {
        spawnSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      }
      const named = join(first.directory, 'only_public');
      await copyFile(`${first.keyFile}.pub`, `${named}.pub`);
      const config = block('web1', first).replace(first.keyFile, named);
      try {
        await expect(fleetOf(config, { agent: socket }).host('web1')).rejects.toMatchObject({
          message: expect.stringContaining('web1'),
        });
        const host = await fleetOf(`${config}IdentitiesOnly yes\n`, { agent: socket }).host('web1');
        expect((await host.probe(['id', '-un'])).stdout.trim()).toBe(first.user);
      } finally {
        const ended = once(agent, 'exit');
        agent.kill();
        await ended;
      }
    });
    it('an agent that is gone is named, and the next way is tried', async () => {
      const config = block('web1', first).replace(first.keyFile, '/nonexistent/key');
      const gone = fleetOf(config.replace(/IdentityFile.*\n/, ''), { agent: join(first.directory, 'no.sock') });
      await expect(gone.host('web1')).rejects.toMatchObject({
        code: 'EDGE_SSH_AUTH_FAILED',
        message: expect.stringContaining('tried agent (Failed to connect to agent)'),
      });
    });
    it('known_hosts and accept-new of one host alone; nobody else is written down', async () => {
      const own = join(first.directory, 'own_hosts');
      const empty = join(first.directory, 'empty_hosts');
      await writeFile(empty, '');
      const config =
        block('web1', first, `UserKnownHostsFile ${own}`, 'StrictHostKeyChecking accept-new') + block('web2', second);
      const fleet = fleetOf(config, { knownHosts: empty });
      await fleet.host('web1');
      expect(await readFile(own, 'utf8')).toContain(`[127.0.0.1]:${first.port} ssh-ed25519 `);
      await expect(fleet.host('web2')).rejects.toMatchObject({ code: 'EDGE_SSH_HOST_KEY_UNKNOWN' });
      expect(await readFile(empty, 'utf8')).toBe('');
    });
  },
);
