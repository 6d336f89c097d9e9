import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ONE_HOST } from '../../support/one-host.ts';
import { eventually } from '../../support/processes.ts';
import { type SlowLine, startSlowLine } from '../../support/slow-line.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';
import { type Ended, describe as said, startStack, type TestStack } from '../../support/stack.ts';

/** One minion, `box1`, and hosts of a roster beside it: every command has to treat them alike. */
const SSH = ['ssh1', 'ssh2', 'ssh3'] as const;

interface Job {
  readonly jid: string;
  readonly targets: Readonly<Record<string, { readonly outcome: string; readonly ret?: unknown }>>;
}

describe
  .skipIf(!hasSshd())
  .sequential(hasSshd() ? 'hosts over SSH, everywhere' : 'everywhere (no sshd: apt-get install openssh-server)', () => {
    let stack: TestStack;
    let sshd: RunningSshd;
    /** What `ssh3` is reached over. */
    let line: SlowLine;
    const below = (path: string): string => `${join(stack.home, 'made')}/${path}`;

    beforeAll(async () => {
      sshd = await startSshd();
      line = await startSlowLine(sshd.port);
      stack = await startStack({ isDown: true });
      const home = (id: string): string => join(stack.home, 'hosts', id);
      const entry = (id: string): object => ({
        host: line.host,
        port: id === 'ssh3' ? line.port : sshd.port,
        user: sshd.user,
        priv: sshd.keyFile,
        timeout: 5,
        grains: { role: 'bare', home: home(id) },
        minion_opts: { mine_functions: { named: [{ mine_function: 'grains.get' }, 'id'] } },
      });
      const files: Readonly<Record<string, string>> = {
        ...ONE_HOST,
        'roster.yaml': JSON.stringify(Object.fromEntries(SSH.map((id) => [id, entry(id)]))),
        'pillars/top.sls': "prod:\n  'ssh*': [bare]\n",
        'pillars/bare.sls': 'greeting: hello {{ grains.id }}\n',
        'states/motd.sls': `{{ '${below('')}' ~ grains.id }}:
  file.managed:
    - contents: {{ pillar.greeting }}
`,
        'orch/greet.sls': `greet:
  salt.state:
    - tgt: 'ssh[12]'
    - ssh: True
    - sls: motd
    - pillarenv: prod
count:
  salt.function:
    - name: cmd.run
    - tgt: 'role:bare'
    - tgt_type: grain
    - batch: 1
    - arg: [echo here]
    - require: [salt: greet]
`,
      };
      for (const [path, text] of Object.entries(files)) await stack.write(path, text);
      await mkdir(below(''), { recursive: true });
      await stack.configure(`roster: roster.yaml
ssh: {host_keys: accept-new, known_hosts: ${join(stack.home, 'known_hosts')}}
`);
      await stack.mustRun('up');
      await stack.mustRun('orch', 'one-host', 'pillarenv=prod');
    }, 300_000);
    afterAll(async () => {
      await stack?.stop();
      await line?.close();
      await sshd?.stop();
    });
    const idsOf = (value: object): readonly string[] => Object.keys(value).sort();
    const done = (ended: Ended): void => expect(ended.exitCode, said(ended)).toBe(0);

    it('a target is whoever it selects; `ssh` means hosts of the roster only', async () => {
      const everybody = await stack.json<Job>('*', 'test.ping');
      expect(idsOf(everybody.value.targets)).toEqual(['box1', ...SSH]);
      const roster = await stack.json<Job>('ssh', '*', 'test.ping');
      expect(idsOf(roster.value.targets)).toEqual(SSH);
      const nobody = await stack.run('ssh', 'box1', 'test.ping');
      expect(nobody.exitCode).toBe(2);
      expect(nobody.stderr).toContain('roster');
    });
    it('grains, pillar and mine', async () => {
      const { value } = await stack.json<Job>('-G', 'role:bare', 'grains.item', 'id', 'role');
      expect(value.targets.ssh2).toMatchObject({ ret: { id: 'ssh2', role: 'bare' } });
      const pillar = await stack.json<Job>('ssh', 'ssh1', 'pillar.get', 'greeting', 'pillarenv=prod');
      expect(pillar.value.targets.ssh1).toMatchObject({ ret: 'hello ssh1' });
      await stack.mustRun('ssh', 'ssh*', 'mine.update');
      const mine = await stack.json<Job>('ssh', 'ssh1', 'mine.get', 'ssh*', 'named');
      expect(mine.value.targets.ssh1).toMatchObject({ ret: { ssh1: 'ssh1', ssh2: 'ssh2', ssh3: 'ssh3' } });
    });
    it('`--roster` and `--roster-file` name another roster, by its path from here', async () => {
      const text = await readFile(join(stack.project, 'roster.yaml'), 'utf8');
      await stack.write('rosters/other.yaml', text.replaceAll('ssh2', 'else2'));
      for (const words of [
        ['--roster', 'rosters/other.yaml'],
        ['--roster-file=rosters/other.yaml'],
        ['--roster=flat', '--roster-file=rosters/other.yaml'],
      ]) {
        const { value } = await stack.json<Job>('ssh', ...words, '*2', 'grains.get', 'role');
        expect(value.targets).toMatchObject({ else2: { outcome: 'succeeded', ret: 'bare' } });
      }
      const planned = await stack.run('ssh', '--roster', 'rosters/other.yaml', 'else2', 'state', 'plan', 'motd');
      expect(planned.stdout + planned.stderr, said(planned)).toContain('else2');
      const saved = await stack.run(
        'ssh',
        '--roster',
        'rosters/other.yaml',
        '*',
        'state',
        'plan',
        'motd',
        '--save',
        'x',
      );
      expect(saved.stderr).toContain('EDGE_NOT_SUPPORTED');
    });
    it('batches, and the history of jobs', async () => {
      done(await stack.run('*', 'cmd.run', 'echo here', '--batch', '1'));
      const { value } = await stack.json<Job>('jobs', 'show', '@last');
      expect(idsOf(value.targets)).toEqual(['box1', ...SSH]);
    });
    it('a plan says what it would change and changes nothing; a saved one is applied as it was', async () => {
      const plan = join(stack.home, 'motd.plan');
      const planned = await stack.run('ssh', '*', 'state', 'plan', 'motd', 'pillarenv=prod', '--save', plan);
      done(planned);
      expect(planned.stdout).toContain('Nothing was changed');
      await expect(readFile(below('ssh1'))).rejects.toThrow();
      done(await stack.run('apply', plan));
      expect(await readFile(below('ssh2'), 'utf8')).toBe('hello ssh2\n');
      await writeFile(below('ssh2'), 'somebody was here\n');
      const diff = await stack.run('ssh', 'ssh2', 'state', 'plan', 'motd', 'pillarenv=prod', '--detailed-exitcode');
      expect(diff.exitCode, said(diff)).toBe(3);
      expect(diff.stdout).toContain('-somebody was here\n');
      expect(diff.stdout).toContain('+hello ssh2\n');
    });
    it('in an orchestration, with `ssh: True` and without', async () => {
      const ended = await stack.run('orch', 'greet', 'pillarenv=prod');
      done(ended);
      expect(await readFile(below('ssh2'), 'utf8')).toBe('hello ssh2\n');
    });
    it('a job that is killed ends on the host', async () => {
      const marker = below('running');
      const started = await stack.json<{ jid: string }>(
        'ssh',
        'ssh1',
        'cmd.run',
        `echo $$ > ${marker}; exec sleep 600`,
        '--no-wait',
      );
      await eventually(
        () =>
          readFile(marker, 'utf8').then(
            (text) => text !== '',
            () => false,
          ),
        'the command runs',
      );
      const pid = Number(await readFile(marker, 'utf8'));
      done(await stack.run('jobs', 'kill', started.value.jid, '--yes'));
      const left = await stack.json<Job>('ssh', 'ssh1', 'cmd.retcode', `ps -o stat= -p ${pid} | grep -v Z`);
      expect(left.value.targets.ssh1?.ret).toBe(1);
      const { value } = await stack.json<Job>('jobs', 'show', started.value.jid);
      expect(value.targets.ssh1?.outcome).toBe('cancelled');
    });
    it('a host that is cut off in the middle is of unknown outcome, and holds nobody up', async () => {
      const [begun, go] = [below('begun'), below('go')];
      const command = `echo x >> ${begun}; while ! [ -e ${go} ]; do sleep 0.1; done; echo over`;
      const running = stack.start(['ssh', '*', 'cmd.run', command, '-o', 'jsonl']);
      const count = (): Promise<number> =>
        readFile(begun, 'utf8').then(
          ({ length }) => length,
          () => 0,
        );
      await eventually(async () => (await count()) === 6, 'all three have begun');
      line.cut();
      await eventually(() => running.output.stdout.includes('ssh3'), 'the end of ssh3 is told');
      await writeFile(go, '');
      const { exitCode, stdout } = await running.ended;
      expect(exitCode).not.toBe(0);
      const ends = stdout
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text) as { id?: string });
      const endOf = (id: string): object | undefined => ends.find((end) => end.id === id);
      expect(endOf('ssh3')).toMatchObject({ outcome: 'failed', error: { code: 'EDGE_SSH_CONNECTION_LOST' } });
      for (const id of ['ssh1', 'ssh2']) expect(endOf(id)).toMatchObject({ outcome: 'succeeded', ret: 'over' });
    });
    it('a host that is gone when the next job comes is unreachable, with the reason, and comes back', async () => {
      await stack.mustRun('ssh', 'ssh3', 'cmd.run', 'echo connected');
      const { port } = line;
      await line.close();
      for (const words of [['test.ping'], ['cmd.run', 'true'], ['state', 'apply', 'motd', 'pillarenv=prod']]) {
        expect((await stack.run('ssh', 'ssh3', ...words)).exitCode).not.toBe(0);
        const { value } = await stack.json<Job>('jobs', 'show', '@last');
        expect(value.targets.ssh3).toMatchObject({
          outcome: 'unreachable',
          evidence: expect.stringContaining('refused the connection'),
          error: { code: 'EDGE_SSH_REFUSED', hint: expect.stringContaining('sshd') },
        });
      }
      line = await startSlowLine(sshd.port, 0, port);
      done(await stack.run('ssh', 'ssh3', 'cmd.run', 'echo back'));
    });
  });
