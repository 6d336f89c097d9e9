import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OwnFleet } from '../../support/own-fleet.ts';
import { eventually } from '../../support/processes.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';

describe.skipIf(!hasSshd())(
  hasSshd() ? 'a host over SSH' : 'a host over SSH (no sshd: apt-get install openssh-server)',
  () => {
    let sshd: RunningSshd;
    let fleet: OwnFleet;
    const home = (): string => join(sshd.directory, 'home'); // made with it
    beforeAll(async () => {
      sshd = await startSshd();
      const { port, user, keyFile, knownHostsFile } = sshd;
      const host = { host: sshd.host, port, user, priv: keyFile, grains: { role: 'db', home: home() } };
      fleet = await OwnFleet.start({
        config: `roster: roster.yaml\nssh: {known_hosts: ${knownHostsFile}}`,
        files: {
          'roster.yaml': JSON.stringify({
            ssh1: { ...host, minion_opts: { mine_functions: { said: [{ mine_function: 'test.echo' }, 'over ssh'] } } },
          }),
          'states/large.txt': 'content',
        },
      });
    });
    afterAll(async () => {
      await fleet?.stop();
      await sshd?.stop();
    });
    const selected = async (expr: string): Promise<unknown> =>
      ((await fleet.ask('match', { target: { expr, type: 'grain' } })) as { ids: string[] }).ids;

    test('roster grains win over those gathered; what is set is in its file and a target', async () => {
      expect(await fleet.run('ssh1', 'grains.item', ['role', 'kernel'])).toEqual({ role: 'db', kernel: 'Linux' });
      await fleet.run('ssh1', 'grains.setval', ['rack', 'r3']);
      expect(readFileSync(join(home(), 'grains'), 'utf8')).toBe('rack: r3\n');
      expect(await fleet.run('ssh1', 'grains.get', ['rack'])).toBe('r3');
      expect(await selected('rack:r3')).toEqual(['ssh1']);
      expect(await selected('role:db')).toEqual(['ssh1']);
    });

    test('it publishes in the mine, and reads it', async () => {
      await eventually(
        async () => 'ssh1' in ((await fleet.runner('mine.get', ['*', 'said'])) as object),
        'it has published',
      );
      expect(await fleet.run('ssh1', 'mine.get', ['ssh*', 'said'])).toEqual({ ssh1: 'over ssh' });
    });

    test('files are cached below its home', async () => {
      const cached = await fleet.run('ssh1', 'cp.cache_file', ['salt://large.txt']);
      expect(cached).toBe(join(home(), 'cache/files/base/large.txt'));
      expect(readFileSync(cached as string, 'utf8')).toBe('content');
    });
  },
);
