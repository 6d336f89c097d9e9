import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiagnosticsError, EdgeError } from '@edge-run/shared/kernel';
import { pillarOpts, readProject, stateRoots, templateOpts } from '@edge-run/shared/project';
import { toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'edge-project-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const read = (text: string): ReturnType<typeof readProject> => {
  writeFileSync(join(dir, 'edge.yaml'), text);
  return readProject(join(dir, 'edge.yaml'));
};

function thrown(text: string): unknown {
  try {
    return read(text);
  } catch (error) {
    return error;
  }
}

describe('the settings of a project', () => {
  it('have a default each, and folders beside the file', () => {
    expect(read('')).toMatchObject({
      file_roots: { base: [join(dir, 'states')] },
      orchestration_roots: [join(dir, 'orch')],
      pillar_roots: { base: [join(dir, 'pillars')] },
    });
  });

  it('mount orchestrations in base under orch, behind the states', () => {
    const roots = stateRoots(read('file_roots: {dev: [d], base: [/srv/salt]}\norchestration_roots: [flows]\n'));
    expect(roots).toEqual({
      dev: [{ directory: join(dir, 'd') }],
      base: [{ directory: '/srv/salt' }, { directory: join(dir, 'flows'), mount: 'orch' }],
    });
    expect(stateRoots({ file_roots: {}, orchestration_roots: ['/o'] })).toEqual({
      base: [{ directory: '/o', mount: 'orch' }],
    });
  });

  it('say how pillars are merged and templates are read, in Salt’s names', () => {
    const settings = read('pillar_merge_lists: true\njinja_env: {trim_blocks: true}\nallow_undefined: true\n');
    expect(toPlain(pillarOpts(settings))).toEqual({
      pillar_source_merging_strategy: 'smart',
      pillar_merge_lists: true,
      nodegroups: {},
    });
    expect(templateOpts(settings)).toEqual({
      jinja_env: { trim_blocks: true },
      jinja_sls_env: {},
      jinja_trim_blocks: false,
      jinja_lstrip_blocks: false,
      allow_undefined: true,
    });
  });

  it('leave what else the file says to others', () => {
    expect(read('context: prod\nreactor: []\n')).not.toHaveProperty('reactor');
  });

  it('name every wrong setting, and the line where the file is no YAML', () => {
    const wrong = thrown('file_roots: x\nallow_undefined: 7\n') as DiagnosticsError;
    expect(wrong).toBeInstanceOf(DiagnosticsError);
    expect(wrong.diagnostics).toMatchObject([
      { summary: expect.stringContaining('file_roots: '), source: { file: join(dir, 'edge.yaml'), line: 1 } },
      { summary: expect.stringContaining('allow_undefined: '), source: { line: 2 } },
    ]);
    const broken = thrown('a: [1\n') as DiagnosticsError;
    expect(broken.diagnostics).toMatchObject([{ source: { file: join(dir, 'edge.yaml') } }]);
    expect(thrown('- a\n')).toMatchObject({ code: 'EDGE_CONFIG_INVALID' });
    expect(() => readProject(join(dir, 'absent.yaml'))).toThrow(EdgeError);
  });
});
