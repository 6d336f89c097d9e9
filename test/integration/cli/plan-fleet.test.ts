import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describe as said, startStack, type TestStack } from '../../support/stack.ts';

const STATES = 3_000;

/** Hosts of one orchestration: `orch/NAME.sls`. */
const provision = (hosts: Readonly<Record<string, number>>, grains: object = {}): string =>
  `hosts:
  salt.runner:
    - name: cloud.provision
    - environment: prod
    - hosts:
${Object.entries(hosts)
  .map(
    ([id, address]) => `        ${id}:
          role: box
          address: {{ salt['config.get']('fleet:network') }}.${address}
          home: {{ salt['config.get']('fleet:home') }}/prod/${id}
          grains: ${JSON.stringify(grains)}
`,
  )
  .join('')}`;

let stack: TestStack;
const below = (path = ''): string => join(stack.home, 'made', path);
const planFile = (): string => join(stack.home, 'the.plan');

beforeAll(async () => {
  stack = await startStack({
    files: {
      'orch/hosts.sls': provision({ box1: 91, box2: 92, box3: 93 }),
      'orch/later.sls': provision({ box4: 94 }),
      'orch/painted.sls': provision({ box2: 92 }, { colour: 'blue' }),
      'pillars/top.sls': "prod:\n  '*': [app]\n",
      'pillars/app.sls': 'port: 80\n',
      'states/app.conf': 'port {{ pillar.port }}\n',
    },
  });
  await stack.mustRun('orch', 'hosts', 'pillarenv=prod');
  await mkdir(below(), { recursive: true });
  await stack.write(
    'states/app.sls',
    `conf:
  file.managed:
    - name: ${below('app.conf')}
    - source: salt://app.conf
    - template: jinja
hook:
  cmd.run:
    - name: touch ${below('hooked')}
    - onchanges: [file: conf]
kept:
  cmd.run:
    - name: touch ${below('kept')}
    - creates: /
blind:
  cmd.run:
    - name: touch ${below('blind')}
gone:
  file.absent:
    - name: ${below('old.conf')}
{% if grains.id == 'box3' %}
refused:
  file.managed:
    - name: not/absolute
    - contents: x
{% endif %}
`,
  );
  await stack.write(
    'states/many.sls',
    `{% for number in range(${STATES}) %}
many-{{ number }}:
  file.managed:
    - name: ${below('many')}/{{ grains.id }}/{{ number }}
    - contents: content of file {{ number }}
    - makedirs: True
{% endfor %}
`,
  );
}, 300_000);
afterAll(() => stack?.stop());

const plan = (target: string, sls: string, ...more: readonly string[]) =>
  stack.run('state', 'plan', target, sls, 'pillarenv=prod', ...more);
const save = async (target: string): Promise<void> => {
  const ended = await plan(target, 'app', '--save', planFile());
  expect(ended.exitCode, said(ended)).toBe(0);
};
const isThere = async (path: string): Promise<boolean> =>
  stat(below(path)).then(
    () => true,
    () => false,
  );

describe.sequential('a plan of several hosts', () => {
  it('says once for hosts alike what would happen, where it stands and why; failures last', async () => {
    await writeFile(below('old.conf'), 'old\n');
    const ended = await plan('box*', 'app');
    expect(ended.exitCode, said(ended)).toBe(1);
    const lines = ended.stdout.replace(/ {3,}(?=\S)/g, '   ').split('\n');
    const at = (line: string): number => lines.indexOf(line);
    const first = at('  box[1-2]   (2 hosts, same plan)');
    const last = at('✗ box3');
    expect([first, last > first], said(ended)).toEqual([0, true]);
    expect(lines.slice(0, last).map((line) => line.replaceAll(below(), 'DIR'))).toEqual([
      '  box[1-2]   (2 hosts, same plan)',
      '   + file.managed DIR/app.conf (conf)  would be added   app.sls:2',
      '   New file',
      '   ! cmd.run touch DIR/hooked (hook)  would run because file: conf changes (onchanges)   app.sls:7',
      '   · cmd.run touch DIR/kept (kept)  skipped: creates is there: /   app.sls:11',
      '   ? cmd.run touch DIR/blind (blind)  effect unknown: cmd.run cannot plan; add `creates:`, `unless:` or `onlyif:`   app.sls:15',
      '   - file.absent DIR/old.conf (gone)  would be removed   app.sls:18',
      '   removed: DIR/old.conf',
      '   5 states: 1 to add, 1 to remove, 2 unknown, 1 unchanged',
    ]);
    expect(ended.stdout).toMatch(/✗ file\.managed not\/absolute \(refused\) {2}would fail {3,}app\.sls:22/);
    expect(lines.at(-2)).toBe('Plan: 3 to add, 3 to remove, 6 unknown, 1 would fail on 3 hosts.  Nothing was changed.');
    expect(await readdir(below())).toEqual(['old.conf']);
  });

  it('names the file and line of a state that fails when it is applied', async () => {
    const ended = await stack.run('box3', 'state.single', 'file.managed', 'not/absolute', 'contents=x');
    expect(ended.exitCode, said(ended)).toBe(1);
    const applied = await stack.run('box3', 'state.sls_id', 'refused', 'app', 'pillarenv=prod');
    expect(applied.stdout, said(applied)).toMatch(/✗ file\.managed not\/absolute \(refused\) {3,}app\.sls:22/);
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    [
      'the SLS file',
      async () => {
        const text = await readFile(join(stack.project, 'states/app.sls'), 'utf8');
        await stack.write('states/app.sls', `# a line more\n${text}`);
      },
      /^ {2}box\[1-2\]: file base:app\.sls has changed$/m,
    ],
    [
      'a template that a state has as its source',
      () => stack.write('states/app.conf', 'listen {{ pillar.port }}\n'),
      /^ {2}box\[1-2\]: file base:app\.conf has changed$/m,
    ],
    ['the pillar', () => stack.write('pillars/app.sls', 'port: 81\n'), /^ {2}box\[1-2\]: pillar port has changed$/m],
    [
      'a file on the hosts',
      () => writeFile(below('app.conf'), 'somebody was here\n'),
      /^ {2}box\[1-2\]: host: file\.managed \S+app\.conf \(conf\) would change something else now$/m,
    ],
  ])('is refused when %s moved, and names it and nothing else', async (_what, move, named) => {
    await save('box[12]');
    await move();
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(8);
    expect(ended.stderr).toMatch(named);
    const moves = ended.stderr.split('\n').filter((line) => line.startsWith('  box'));
    expect(moves.length, said(ended)).toBeLessThanOrEqual(2);
    expect(await isThere('blind')).toBe(false);
  });

  it('is refused when a fact of a host moved, and names the host and the fact', async () => {
    await save('box[12]');
    const minion = stack.processes().find(({ command }) => command.includes('box2/minion.yaml'));
    process.kill(minion!.pid, 'SIGKILL');
    await stack.mustRun('orch', 'painted', 'pillarenv=prod');
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(8);
    expect(ended.stderr).toContain('box2: fact colour is new');
    expect(ended.stderr).not.toContain('box1');
  });

  it('applies exactly what it said', async () => {
    await save('box1');
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(await readFile(below('app.conf'), 'utf8')).toBe('listen 81\n');
    expect([await isThere('blind'), await isThere('hooked'), await isThere('kept')]).toEqual([true, true, false]);
  });
});

describe.sequential('a plan of several thousand states', () => {
  it('comes back from every host, is saved, and applies', async () => {
    const ended = await plan('box[123]', 'many', '--save', planFile());
    expect(ended.exitCode, said({ ...ended, stdout: ended.stdout.slice(-2_000) })).toBe(0);
    expect(ended.stdout).toContain(`Plan: ${3 * STATES} to add on 3 hosts.  Nothing was changed.`);
    expect((await stat(planFile())).size).toBeGreaterThan(8 * 1024 * 1024);
    const applied = await stack.run('apply', planFile(), '--quiet');
    expect(applied.exitCode, said({ ...applied, stdout: applied.stdout.slice(-2_000) })).toBe(0);
    for (const id of ['box1', 'box2', 'box3']) expect(await readdir(below(`many/${id}`))).toHaveLength(STATES);
  });

  it('is refused when one state of them moved, and names it', async () => {
    const again = await plan('box[123]', 'many', '--save', planFile(), '--quiet');
    expect(again.exitCode).toBe(0);
    expect(again.stdout).toContain('Plan: nothing to change on 3 hosts.');
    await writeFile(below('many/box2/2999'), 'other\n');
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(8);
    expect(ended.stderr).toContain(`box2: host: file.managed ${below('many/box2/2999')} (many-2999) would change`);
  });

  it('is refused when a host has joined those the target selects', async () => {
    await save('box[124]');
    await stack.mustRun('orch', 'later', 'pillarenv=prod');
    const ended = await stack.run('apply', planFile());
    expect(ended.exitCode, said(ended)).toBe(8);
    expect(ended.stderr).toContain('box4: box[124] selects it now');
  });
});
