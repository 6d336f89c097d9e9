import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLine } from '../../support/command-line.ts';

const FILES = {
  'edge.yaml': 'file_roots: {base: [states]}\norchestration_roots: [orch]\npillar_roots: {base: [pillars]}\n',
  'states/web/init.sls':
    "{% from './map.jinja' import port with context %}\n" +
    'second:\n  test.nop:\n    - require: [{test: first}]\n' +
    'first:\n  test.nop:\n    - name: {{ grains.os }}-{{ port }}-{{ salt["pillar.get"]("a:b", "none") }}-{{ slspath }}\n',
  'states/web/map.jinja': '{% set port = opts.get("port", 80) %}',
  'states/broken.sls': 'a:\n  test.nop: []\n{{ grains.nothing }}\n',
  'states/shape.sls': 'include: [missing]\n',
  'orch/deploy.sls': "{% import_yaml 'web/data.yaml' as data %}x: {{ data }}\n",
  'states/web/data.yaml': '[1, on]\n',
  'pillars/top.sls': 'base: {}\n',
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

  it('--as asks the master', async () => {
    const answer = await runLine(
      ['render', 'web', '--as', 'web1'],
      { render: () => ({ text: 'a: 1\n', warnings: [] }) },
      { cwd },
    );
    expect(answer.stdout).toBe('a: 1\n');
    expect(answer.asked).toEqual([{ name: 'render', args: { path: 'web', id: 'web1', stage: 'jinja' } }]);
  });
});
