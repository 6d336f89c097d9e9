import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLine } from '../../support/command-line.ts';

const FILES = {
  'edge.yaml':
    'file_roots: {base: [states]}\norchestration_roots: [orch]\npillar_roots: {base: [pillars], staging: [staging]}\n',
  'states/web/init.sls':
    "{% from './map.jinja' import port with context %}\n" +
    'second:\n  test.nop:\n    - require: [{test: first}]\n' +
    'first:\n  test.nop:\n    - name: {{ grains.os }}-{{ port }}-{{ salt["pillar.get"]("a:b", "none") }}-{{ slspath }}\n',
  'states/web/map.jinja': '{% set port = opts.get("port", 80) %}',
  'states/broken.sls': 'a:\n  test.nop: []\n{{ grains.nothing }}\n',
  'states/shape.sls': 'include: [missing]\n',
  'orch/deploy.sls': "{% import_yaml 'web/data.yaml' as data %}x: {{ data }}\n",
  'states/web/data.yaml': '[1, on]\n',
  'pillars/top.sls': "base:\n  'web*': [web]\n  'os:Debian': [{match: grain}, debian]\n",
  'pillars/web.sls': 'a: {b: from the project}\nid: {{ grains.id }}\ngiven: {{ pillar.get("given") }}\n',
  'pillars/debian.sls': 'family: debian\n',
  'staging/top.sls': "staging: {'*': [only]}\n",
  'staging/only.sls': 'env: {{ pillarenv }}\n',
  'states/pillar.sls': '{{ pillar | json }}\n',
  'states/opts.sls':
    '{% if true %}\n{{ salt["config.get"]("pillar_roots:base:0") }} {{ salt["config.get"]("id") }} {{ nobody }}\n{% endif %}\n',
  'loose.yaml': 'file_roots: {base: [states]}\njinja_sls_env: {trim_blocks: true}\nallow_undefined: true\n',
  'grains.json': '{"grains": {"id": "web1", "os": "Debian"}}',
  prod: '{"grains": {"id": "web9", "os": "Debian"}}',
  'elsewhere/page.txt': "{% include 'part.txt' %}!\n",
  'elsewhere/part.txt': 'part of {{ grains.os }}',
  'context.json': '{"grains": {"id": "web1", "os": "Debian"}, "pillar": {"a": {"b": 1}}, "opts": {"port": 8080}}',
};

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'edge-render-'));
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
});
afterAll(() => rmSync(cwd, { recursive: true }));

const render = (...words: string[]): ReturnType<typeof runLine> =>
  runLine(['render', ...words, '--context', 'context.json'], {}, { cwd });

const line = (...words: string[]): ReturnType<typeof runLine> => runLine(['render', ...words], {}, { cwd });

describe('edge-run render without a master', () => {
  it('renders an SLS by name or path, with the context and pillar= over it', async () => {
    const byName = await render('web', 'pillar={a: {b: 2}}');
    expect(byName.stdout).toContain('- name: Debian-8080-2-web\n');
    expect(byName).toMatchObject({ exitCode: 0, asked: [] });
    expect((await render('states/web/init.sls')).stdout).toContain('- name: Debian-8080-1-web\n');
  });

  it('--stage yaml prints the data, high the high data, low the states in their order', async () => {
    const yaml = JSON.parse((await render('web', '--stage', 'yaml')).stdout) as object;
    expect(Object.keys(yaml)).toEqual(['second', 'first']);
    const high = JSON.parse((await render('web', '--stage', 'high')).stdout) as Record<string, object>;
    expect(high.first).toMatchObject({ __sls__: 'web', __env__: 'base' });
    const low = JSON.parse((await render('web', '--stage', 'low')).stdout) as { __id__: string }[];
    expect(low.map(({ __id__ }) => __id__)).toEqual(['second', 'first']);
  });

  it('finds files of orchestration roots, and those outside of every root with what stands beside them', async () => {
    expect((await render('orch/deploy.sls')).stdout).toBe('x: [1, True]\n');
    expect((await render('elsewhere/page.txt')).stdout).toBe('part of Debian!\n');
  });

  it('says where a file is wrong, and fails', async () => {
    const broken = await render('broken');
    expect(broken.stderr).toContain('broken.sls:3');
    expect(broken.exitCode).not.toBe(0);
    expect((await render('shape', '--stage', 'low')).stderr).toContain('missing');
    expect((await render('wbe')).stderr).toContain('did you mean `web`');
    expect((await render('elsewhere/page.txt', '--stage', 'high')).stderr).toContain('no SLS file');
  });

  it('compiles the pillar of the project for the id and grains at hand; pillar= lies over it', async () => {
    const pillar = async (...words: string[]) => JSON.parse((await line('pillar', ...words)).stdout) as object;
    const whole = { a: { b: 'from the project' }, id: 'web1', given: 'None', family: 'debian', env: 'None' };
    expect(await pillar('--context', 'grains.json')).toEqual(whole);
    expect(await pillar('--context', 'grains.json', 'pillar={given: 1, a: {c: 2}}')).toMatchObject({
      a: { b: 'from the project', c: 2 },
      given: 1,
    });
    expect(await pillar('--context', 'grains.json', '--pillarenv', 'staging')).toEqual({ env: 'staging' });
    expect(await pillar('--context', 'grains.json', 'pillarenv=staging')).toEqual({ env: 'staging' });
    expect(await pillar('--context', 'grains.json', '--as', 'db1')).toEqual({ family: 'debian', env: 'None' });
    expect(await pillar('--context', 'context.json')).toEqual({ a: { b: 1 } });
  });

  it('gives templates the options of the project: roots, id, and those of Jinja', async () => {
    const loose = await line('opts', '-c', 'loose.yaml', '--context', 'grains.json');
    expect(loose.stdout).toBe(`${join(cwd, 'pillars')} web1 \n\n`);
    expect((await line('opts', '--context', 'grains.json')).stderr).toContain("'nobody' is undefined");
  });

  it('takes an existing file for --context, whatever its name, and any other name for a master', async () => {
    expect((await line('pillar', '--context', 'prod')).stdout).toContain('"id": "web9"');
    expect((await line('pillar', '--context', 'nowhere.json')).stderr).toContain('nowhere.json does not exist');
    const named = await line('pillar', '--context', 'production');
    expect(named.stderr).toContain('--context production names a master');
    expect(named.exitCode).toBe(2);
  });

  it('refuses words it has no use for', async () => {
    expect((await line('pillar', 'pilar={}')).stderr).toContain('did you mean `pillar`?');
    expect((await line('pillar', 'web')).stderr).toContain('no use for `web`');
  });
});

describe('edge-run render --as', () => {
  it.each(['jinja', 'yaml', 'high', 'low'] as const)('asks the master for stage %s', async (stage) => {
    const script = {
      render: () => (stage === 'jinja' ? { text: 'a: 1\n', warnings: [] } : { value: [1], warnings: [] }),
    };
    const answer = await runLine(['render', 'web', '--as', 'web1', '--stage', stage], script, { cwd });
    expect(answer.stdout).toBe(stage === 'jinja' ? 'a: 1\n' : '[\n  1\n]\n');
    expect(answer.asked).toEqual([{ name: 'render', args: { path: 'web', id: 'web1', stage } }]);
  });

  it('names local files as the master does, and refuses those it cannot see', async () => {
    const script = { render: () => ({ text: '', warnings: [] }) };
    const ask = (...words: string[]) => runLine(['render', ...words, '--as', 'web1'], script, { cwd });
    const args = { id: 'web1', stage: 'jinja', saltenv: 'base', pillarenv: 'staging', pillar: { a: 1 } };
    expect((await ask('states/web/map.jinja', 'pillar={a: 1}', '--pillarenv', 'staging')).asked).toEqual([
      { name: 'render', args: { ...args, path: 'salt://web/map.jinja' } },
    ]);
    expect((await ask('elsewhere/page.txt')).stderr).toContain('below no root of the project');
    expect((await ask('pillars/web.sls')).stderr).toContain('is a pillar');
  });

  it('prints what the master says is wrong with places, and its warnings', async () => {
    const place = { file: 'web/init.sls', line: 3, column: 5, text: 'a: @x' };
    const warning = {
      severity: 'warning',
      code: 'EDGE_TOP_INVALID',
      summary: 'odd',
      detail: '',
      source: place,
    } as const;
    const warned = await runLine(
      ['render', 'web', '--as', 'web1'],
      { render: () => ({ text: 'x', warnings: [warning] }) },
      { cwd },
    );
    expect(warned).toMatchObject({ exitCode: 0, stdout: 'x' });
    expect(warned.stderr).toContain('3 | a: @x\n  |     ^\n0 errors, 1 warning');
  });

  it.each(['jinja', 'yaml', 'high', 'low'])(
    'renders here up to stage %s where no master runs, and says so',
    async (stage) => {
      const answer = await runLine(
        ['render', 'web', '--as', 'web7', '--stage', stage, '-c', 'loose.yaml'],
        {},
        { cwd },
      );
      expect(answer.stderr).toContain('rendering here instead\nnote: the grains of web7 are not known here');
      expect(answer).toMatchObject({ exitCode: 0, asked: [] });
      expect(answer.stdout).toContain('-80-');
    },
  );

  it('renders here with a context file without asking anybody, and says nothing of grains it was given', async () => {
    const script = { render: () => ({ text: 'the master', warnings: [] }) };
    const words = ['render', 'pillar', '--as', 'web7', '--context', 'grains.json'];
    const answer = await runLine(words, script, { cwd });
    expect(answer).toMatchObject({ asked: [], stderr: '', exitCode: 0 });
    expect(answer.stdout).toContain('"id": "web7"');
  });

  it('does not render here when the line names the master that is not there', async () => {
    const answer = await runLine(['render', 'web', '--as', 'web1', '--nats-url', 'memory:'], {}, { cwd });
    expect(answer).toMatchObject({ exitCode: 2, stdout: '' });
    expect(answer.stderr).toContain('EDGE_MASTER_UNREACHABLE');
  });
});
