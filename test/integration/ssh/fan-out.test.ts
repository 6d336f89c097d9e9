import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeEc2, startFakeEc2 } from '../../support/fake-ec2.ts';
import { OwnFleet } from '../../support/own-fleet.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';
import { runCliProcess } from '../cli/process.ts';

const POLICY = `
command_policy:
  otherwise: deny
  rules:
    - {name: look, allow: [hostname, echo, 'true', exit, uname], shell: ['|', '||', '>']}
    - {name: test-files, environments: [test*], allow: [touch], paths: ['@DIR@/**']}
    - {name: no-id, deny: [id]}
`;

describe.skipIf(!hasSshd())(hasSshd() ? 'hosts of rosters' : 'needs sshd: apt-get install openssh-server', () => {
  let sshd: RunningSshd;
  let ec2: FakeEc2;
  let fleet: OwnFleet;
  const marker = (): string => join(fleet.dir, 'marker');
  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = 'AKIATEST';
    process.env.AWS_SECRET_ACCESS_KEY = 'test';
    sshd = await startSshd();
    ec2 = await startFakeEc2([
      { id: 'i-1', tags: { Name: 'cloud1', role: 'web' }, privateAddress: '127.0.0.1' },
      { id: 'i-2', tags: { Name: 'twin', role: 'web' }, privateAddress: '127.0.0.1' },
      { id: 'i-3', tags: { Name: 'twin', role: 'web' }, privateAddress: '127.0.0.1' },
      { id: 'i-4', tags: { Name: 'stopped', role: 'web' }, state: 'stopped', privateAddress: '127.0.0.1' },
      { id: 'i-5', tags: { Name: 'other', role: 'db' }, privateAddress: '127.0.0.1' },
      { id: 'i-6', tags: { Name: 's1', role: 'web' }, privateAddress: '127.0.0.1' },
      { id: 'i-7', tags: { role: 'web' } },
    ]);
    ec2.faults.push('RequestLimitExceeded');
    const { host, port, user, keyFile, knownHostsFile } = sshd;
    const reach = { port, user, priv: keyFile };
    fleet = await OwnFleet.start({
      config: `
roster:
  - roster.yaml
  - ssh_config: config
  - ansible: inventory/hosts.ini
  - ec2: {region: eu-test-1, endpoint: '${ec2.url}', filters: {'tag:role': web}, defaults: ${JSON.stringify(reach)}}
  - cache: true
roster_defaults: ${JSON.stringify(reach)}
ssh: {known_hosts: ${knownHostsFile}, agent: none}
pillar_roots: {base: [pillars], test-1: [pillars], test-2: [pillars]}
${POLICY}`,
      files: {
        'roster.yaml': `{% for n in [1, 2] %}\ns{{ n }}:\n  host: ${host}\n  grains: {pillarenv: test-{{ n }}}\n{% endfor %}\ndead: {host: 127.0.0.1, port: 1}\n`,
        config: `Host plain\n  HostName ${host}\n  Port ${port}\n  User ${user}\n  IdentityFile ${keyFile}\n`,
        'inventory/hosts.ini': `[web]\na[1:2] ansible_host=${host}\n[web:vars]\nansible_port=${port}\n`,
        'inventory/group_vars/web.yml': `ansible_user: ${user}\nansible_ssh_private_key_file: ${keyFile}\nrack: r7\n`,
        'states/allowed.sls': 'say:\n  cmd.run:\n    - name: echo hello\n',
        'states/refused.sls': 'say:\n  cmd.run:\n    - name: echo hello; wipefs --version\n',
        'states/guarded.sls': 'say:\n  cmd.run:\n    - name: echo hello\n    - unless: id\n',
        'states/templated.sls': "{% set who = salt['cmd.run']('id') %}\nsay:\n  cmd.run:\n    - name: echo {{ who }}\n",
        'states/scripted.sls': 'say:\n  cmd.script:\n    - name: salt://bad.sh\n',
        'states/bad.sh': '#!/bin/sh\nid\n',
      },
    });
    await mkdir(join(fleet.dir, 'cli'));
  });
  afterAll(async () => {
    await fleet?.stop();
    await ec2?.stop();
    await sshd?.stop();
  });

  const edge = async (...words: readonly string[]): Promise<Awaited<ReturnType<typeof runCliProcess>>> => {
    const { operator, url } = fleet.master;
    const credentials = join(fleet.dir, 'operator.creds');
    if (operator !== undefined && 'creds' in operator) await writeFile(credentials, operator.creds, { mode: 0o600 });
    return runCliProcess(words, { EDGE_NATS_URL: url, EDGE_CREDENTIALS: credentials });
  };
  const json = async (...words: readonly string[]): Promise<unknown> => {
    const { stdout, stderr } = await edge(...words, '-o', 'json');
    return stdout === '' ? stderr : JSON.parse(stdout);
  };

  test('roster ls: the first roster that names a host counts, and each says where it is written', async () => {
    const rows = (await json('roster', 'ls')) as { id: string; roster: string; place: string }[];
    expect(rows.map(({ id, roster, place }) => `${id} ${roster} ${place.replace(fleet.dir, '')}`)).toEqual([
      's1 file /roster.yaml:2',
      's2 file /roster.yaml:2',
      'dead file /roster.yaml:6',
      'plain ssh_config /config:1',
      'a1 ansible /inventory/hosts.ini:2',
      'a2 ansible /inventory/hosts.ini:2',
      'cloud1 cloud ec2 eu-test-1 i-1',
      'twin-i-2 cloud ec2 eu-test-1 i-2',
      'twin-i-3 cloud ec2 eu-test-1 i-3',
    ]);
    expect(ec2.questions.length).toBe(3);
  });

  test('targets by glob, list, regex, nodegroup and grains of rosters', async () => {
    const ids = async (...words: readonly string[]): Promise<readonly string[]> =>
      ((await json('roster', 'ls', ...words)) as { id: string }[]).map(({ id }) => id);
    expect(await ids('s*')).toEqual(['s1', 's2']);
    expect(await ids('-L', 's1,a2')).toEqual(['s1', 'a2']);
    expect(await ids('-E', 'a\\d')).toEqual(['a1', 'a2']);
    expect(await ids('-N', 'web')).toEqual(['a1', 'a2']);
    expect(await ids('-G', 'rack:r7')).toEqual(['a1', 'a2']);
    expect(await ids('-G', 'tags:role:web')).toEqual(['cloud1', 'twin-i-2', 'twin-i-3']);
    expect(await ids('-C', 'N@web and not a1')).toEqual(['a2']);
  });

  test('roster test: each step, and why a host cannot be reached', async () => {
    const good = await edge('roster', 'test', 's1', '-v');
    expect(good.exitCode, good.stderr).toBe(0);
    for (const step of ['connect', 'host-key', 'login', 'shell', 'sftp'])
      expect(good.stderr).toMatch(new RegExp(`✓ s1 ${step} `));
    expect(good.stderr).toContain(sshd.fingerprint);
    const bad = await edge('roster', 'test', 'dead', 'plain');
    expect([bad.exitCode, bad.stdout]).toEqual([6, expect.stringMatching(/plain +ok/)]);
    expect(bad.stderr).toMatch(/✗ dead connect .* EDGE_SSH_REFUSED: .*\n {2}help: Nothing listens on port 1/);
  });

  test('one command on a list of hosts; one that is down holds nobody up', async () => {
    const ended = await edge('ssh', '-L', 's1,plain,a1,cloud1,dead', 'cmd.run', 'echo over ssh');
    expect(ended.stdout).toContain('over ssh');
    expect(ended.stdout).toMatch(/a1.*cloud1|cloud1.*a1/s);
    expect(ended.stdout + ended.stderr).toContain('refused the connection');
    expect(ended.exitCode).not.toBe(0);
  });

  test('several commands: result by host and command', async () => {
    const words = ['ssh', '-L', 's1,a1,dead', '-x', 'echo one | cat', '-x', 'echo two'];
    expect((await edge(...words)).stderr).toContain('`cat` in `echo one | cat` is refused');
    const done = (await json(
      'ssh',
      '-L',
      's1,a1,dead',
      '-x',
      'echo one || exit 3',
      '-x',
      'hostname | echo two',
    )) as Record<string, Record<string, object>>;
    const two = { succeeded: true, retcode: 0, stdout: ['two'], stderr: [] };
    expect(done.s1).toEqual({ 'echo one || exit 3': { ...two, stdout: ['one'] }, 'hostname | echo two': two });
    expect(done.a1).toEqual(done.s1);
    expect(done.dead).toMatchObject({ 'echo one || exit 3': { succeeded: false, retcode: null } });
    expect(Object.keys(done.dead!)).toHaveLength(1);
    const { stdout, exitCode } = await edge('ssh', 's1', '-x', 'exit 3');
    expect([stdout, exitCode === 0]).toEqual(['s1\n  $ exit 3   exited 3\n', false]);
  });

  test('states are planned and applied', async () => {
    const planned = await edge('ssh', 's1', 'state', 'plan', 'allowed', '--detailed-exitcode');
    expect(planned.exitCode, planned.stderr + planned.stdout).toBe(3);
    const applied = await edge('ssh', 's1', 'state', 'apply', 'allowed');
    expect([applied.exitCode, applied.stdout]).toEqual([0, expect.stringContaining('say')]);
  });

  describe('command policy', () => {
    test.each([
      // Nothing that would do harm if it were run.
      ['hostname; wipefs --version', 'make-filesystem'],
      ['sudo mkfs --version', 'make-filesystem'],
      ['echo $(id)', 'no-id'],
      ['ps', 'otherwise: deny'],
      ['echo a; echo b', 'look'],
    ])('%s is refused before anything is on record, and the rule is named', async (line, rule) => {
      const before = (await json('jobs', 'ls')) as unknown[];
      const { exitCode, stderr, stdout } = await edge('ssh', '-L', 's1,s2', 'cmd.run', line);
      expect([exitCode === 0, stdout]).toEqual([false, '']);
      expect(stderr).toContain('error[EDGE_COMMAND_REFUSED]');
      expect(stderr).toContain(`\`${rule}\``);
      expect(await json('jobs', 'ls')).toHaveLength(before.length);
    });
    test('rules are those of the environment of the host, and a job is for all of its targets or none', async () => {
      const refused = await edge('ssh', '-L', 's1,plain', 'cmd.run', `touch ${marker()}`);
      expect(refused.stderr).toContain('refused on plain');
      expect(existsSync(marker())).toBe(false);
      const allowed = await edge('ssh', 's1', 'cmd.run', `touch ${marker()}`);
      expect([allowed.exitCode, existsSync(marker())]).toEqual([0, true]);
      const astray = await edge('ssh', 's1', 'cmd.run', `touch ${fleet.dir}/../x`);
      expect(astray.stderr).toContain('leads out of');
    });
    test.each([
      ['refused', 'make-filesystem'],
      ['guarded', 'no-id'],
      ['templated', 'no-id'],
      ['scripted', 'no-id'],
    ])('a state that would run it is refused: %s', async (sls, rule) => {
      const { exitCode, stdout, stderr } = await edge('ssh', 's1', 'state', 'apply', sls);
      expect(exitCode, stdout + stderr).not.toBe(0);
      expect(stdout + stderr).toContain(`\`${rule}\``);
    });
  });

  test('a roster that is read again has new hosts, and forgets old ones', async () => {
    ec2.instances = [{ id: 'i-9', tags: { Name: 'cloud9', role: 'web' }, privateAddress: '127.0.0.1' }];
    const rows = (await json('roster', 'ls', '--refresh')) as { id: string; roster: string }[];
    const clouds = rows.filter(({ roster }) => roster === 'cloud').map(({ id }) => id);
    expect(clouds).toEqual(['cloud9']);
    const { stdout, exitCode } = await edge('ssh', 'cloud9', 'cmd.run', 'echo new');
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('new')]);
    // The cloud that does not answer is replaced by what was connected to before.
    ec2.faults.push('UnauthorizedOperation');
    const kept = (await json('roster', 'ls', '--refresh')) as { id: string; roster: string }[];
    expect(kept.find(({ id }) => id === 'cloud9')?.roster).toBe('cache');
    expect(await readFile(join(fleet.dir, 'data/roster-cache.yaml'), 'utf8')).not.toContain('passwd');
  });

  test('roster import prints a roster file of an inventory and of an ssh_config', async () => {
    const ansible = await edge('roster', 'import', join(fleet.dir, 'inventory/hosts.ini'));
    expect(ansible.stdout).toContain(`a1:\n  host: 127.0.0.1\n  port: ${sshd.port}\n`);
    const file = join(fleet.dir, 'imported.yaml');
    const written = await edge('roster', 'import', join(fleet.dir, 'config'), '--write', file);
    expect([written.exitCode, await readFile(file, 'utf8')]).toEqual([
      0,
      expect.stringContaining('plain:\n  host: 127.0.0.1'),
    ]);
    const again = await edge('roster', 'import', join(fleet.dir, 'config'), '--write', file);
    expect([again.exitCode === 0, again.stderr]).toEqual([false, expect.stringContaining('--force')]);
  });
});
