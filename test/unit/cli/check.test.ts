import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
// Loaded here, so that no single case waits for it.
import '@edge-run/cli/check';
import { loadYaml } from '@edge-run/shared/render';
import { toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, runLine } from '../../support/command-line.ts';

/** A tree, and what `edge-run check` prints of it. */
interface CheckCase {
  /** False: there is no project file. */
  readonly project?: boolean;
  readonly files: Readonly<Record<string, string>>;
  readonly check?: readonly string[];
  readonly exitCode: number;
  readonly stdout: string;
}

const CASES = fileURLToPath(new URL('../../cases/check/', import.meta.url));

function write(cwd: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, file)), { recursive: true });
    writeFileSync(join(cwd, file), text);
  }
}

/** How long it took is nobody's to know beforehand. */
const timeless = ({ exitCode, stdout }: Ran): Pick<Ran, 'exitCode' | 'stdout'> => ({
  exitCode,
  stdout: stdout.replace(/, \d+\.\d s$/m, ''),
});

describe('edge-run check', () => {
  const names = readdirSync(CASES).filter((name) => name.endsWith('.yaml'));
  it('has cases', () => expect(names.length).toBeGreaterThan(30));

  it.each(names.map((file) => basename(file, '.yaml')))('%s', async (name) => {
    const path = join(CASES, `${name}.yaml`);
    const given = toPlain(loadYaml(readFileSync(path, 'utf8'), path)) as unknown as CheckCase;
    const cwd = mkdtempSync(join(tmpdir(), 'edge-check-'));
    try {
      write(cwd, { ...(given.project === false ? {} : { 'edge.yaml': '{}' }), ...given.files });
      const answer = await runLine(['check', ...(given.check ?? [])], {}, { cwd });
      expect(answer.asked).toEqual([]);
      expect(timeless(answer)).toEqual({ exitCode: given.exitCode, stdout: given.stdout });
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });
});

describe('edge-run check, as a command', () => {
  let cwd = '';
  const check = (...words: string[]): Promise<Ran> => runLine(words, {}, { cwd });
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'edge-check-'));
    write(cwd, {
      'edge.yaml': '{}',
      'states/web.sls': 'a:\n  cmd.run:\n    - name: make\n  pkg.instaled: []\n',
      'inner/edge.yaml': '{}',
      'inner/states/ok.sls': 'a:\n  test.nop: []\n',
    });
  });
  afterAll(() => rmSync(cwd, { recursive: true }));

  it('says how much it looked at, and for how long, in its last line', async () => {
    const { stdout } = await check('check');
    expect(stdout).toMatch(/\n1 error, 1 warning in 2 files, 2 fixtures, \d+\.\d s\n$/);
  });
  it('is called lint, too', async () => {
    expect(timeless(await check('lint'))).toEqual(timeless(await check('check')));
  });
  it('-o json gives the same findings with the same places', async () => {
    const { stdout, exitCode } = await check('check', '-o', 'json');
    const { diagnostics, ...rest } = JSON.parse(stdout) as { diagnostics: { code: string; source: object }[] };
    expect(exitCode).toBe(2);
    expect(rest).toMatchObject({ errors: 1, warnings: 1, files: 2, fixtures: 2, duration_ms: expect.any(Number) });
    expect(diagnostics.map(({ code, source }) => ({ code, source }))).toMatchObject([
      { code: 'EDGE_COMMAND_UNGUARDED', source: { file: 'states/web.sls', line: 2, column: 3 } },
      { code: 'EDGE_UNKNOWN_FUNCTION', source: { file: 'states/web.sls', line: 4, column: 3 } },
    ]);
  });
  it('takes the nearest project of the path, and --config over it', async () => {
    expect((await check('check', 'inner')).exitCode).toBe(0);
    expect((await check('check', '-c', 'inner/edge.yaml')).exitCode).toBe(0);
  });
  it('refuses a path that is not there', async () => {
    const { exitCode, stderr } = await check('check', 'lost');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('error[EDGE_BAD_ARGUMENT]: lost does not exist');
  });
  it('refuses formats it does not have', async () => {
    expect((await check('check', '--format', 'gitlab')).stderr).toContain('github');
  });
  it('prints the summary of --format github where it is no annotation', async () => {
    const { stdout, stderr } = await check('check', '--format', 'github');
    expect(stdout.split('\n').filter((line) => !line.startsWith('::'))).toEqual(['']);
    expect(stderr).toMatch(/^1 error, 1 warning in 2 files/);
  });
});

describe('the example', () => {
  it('has nothing to complain of', async () => {
    const cwd = fileURLToPath(new URL('../../../', import.meta.url));
    const { exitCode, stdout } = await runLine(['check', '--strict'], {}, { cwd });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/^0 errors, 0 warnings in \d+ files/),
    });
  });
});
