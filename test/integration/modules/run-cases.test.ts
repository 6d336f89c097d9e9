import { lstatSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LocalHost } from '@edge-run/shared/host';
import type { StateModule } from '@edge-run/shared/modules/contract';
import { cmdFunctions, fileFunctions, testFunctions } from '@edge-run/shared/modules/execution';
import { cmdStates, fileStates } from '@edge-run/shared/modules/states';
import { fromPlain, PyMap, type Value } from '@edge-run/shared/values';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { readCases, repositoryRoot } from '../../conformance/runner.ts';
import { moduleContext, runState, type StateEnd } from '../../support/module-context.ts';

/*
 * The conformance cases of one state each, with the state driven by hand: they hold here before there is a compiler and
 * a runner, and tell a module's fault from theirs.
 */
interface RunCase {
  readonly files: Record<string, string | { text: string; mode: string }>;
  readonly call: { kwargs?: { test?: boolean } };
  readonly expected: {
    readonly return: Record<string, { name: Value; changes: object; result: boolean | null }>;
    readonly files_after?: Record<string, { text?: string; mode?: string; dir?: string[]; link?: string } | null>;
  };
}

const catalog = new Map<string, StateModule>([...fileStates, ...cmdStates].map((module) => [module.name, module]));
const { files } = readCases(join(repositoryRoot(), 'test/conformance/cases/run'));
// `creates` is a guard of the runner; relative paths and names lists are too.
const cases = files.filter(({ name }) => /^(file_|cmd_)/.test(name) && name !== 'cmd_run_creates_exists');

describe('conformance cases of file and cmd states', () => {
  it('finds them', () => expect(cases.length).toBeGreaterThan(35));
  for (const { name, content } of cases) {
    it(name, async () => {
      const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-case-')));
      try {
        await check(content as RunCase, dir);
      } finally {
        await rm(dir, { recursive: true });
      }
    });
  }
});

async function check(run: RunCase, dir: string): Promise<void> {
  const filled = JSON.parse(JSON.stringify(run).replaceAll('@TMP@', dir)) as RunCase;
  const tree: Record<string, string> = {};
  for (const [path, file] of Object.entries(filled.files)) {
    const text = typeof file === 'string' ? file : file.text;
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
    if (path.startsWith('salt/')) tree[path.slice('salt/'.length)] = text;
  }
  await mkdir(join(dir, 'w'), { recursive: true });
  const functions = [...cmdFunctions, ...fileFunctions, ...testFunctions];
  const ctx = moduleContext(new LocalHost({ id: 'local' }), { files: tree, functions });
  const ends = new Map<string, StateEnd>();
  for (const [key, module, args] of chunks(tree['a.sls']!)) {
    ends.set(key, await runState(module, ctx, args, filled.call.kwargs?.test === true ? 'plan' : 'apply'));
  }
  expect([...ends.keys()]).toEqual(Object.keys(filled.expected.return));
  for (const [key, expected] of Object.entries(filled.expected.return)) {
    const end = ends.get(key)!;
    expect({ result: end.result, changed: end.changes.size > 0 }, end.comment).toEqual({
      result: expected.result,
      changed: Object.keys(expected.changes).length > 0,
    });
  }
  for (const [path, expected] of Object.entries(filled.expected.files_after ?? {}))
    expect(await found(path.startsWith('/') ? path : join(dir, path)), path).toEqual(expected);
}

/** The states of an SLS without templates and requisites. */
function* chunks(sls: string): Iterable<[string, StateModule, PyMap]> {
  // PyYAML, unlike YAML 1.1 itself, does not take `y` for true.
  const high = fromPlain(load(sls.replace(/: y$/m, ": 'y'"), { schema: YAML11_SCHEMA })) as PyMap;
  for (const [id, body] of high) {
    for (const [fullName, list] of body as PyMap) {
      const [state, fun] = String(fullName).split('.');
      const args = new PyMap((list as PyMap[]).flatMap((item) => [...item]));
      const names = (args.get('names') as Value[] | undefined) ?? [args.get('name') ?? id];
      args.delete('names');
      for (const name of names) {
        const key = `${state}_|-${String(id)}_|-${String(name)}_|-${fun}`;
        yield [key, catalog.get(String(fullName))!, new PyMap([...args, ['name', name]])];
      }
    }
  }
}

async function found(path: string): Promise<object | null> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  const mode = `0o${(stat.mode & 0o7777).toString(8)}`;
  if (stat.isSymbolicLink()) return { link: readlinkSync(path) };
  if (stat.isDirectory()) return { dir: (await readdir(path)).sort(), mode };
  return { text: await readFile(path, 'utf8'), mode };
}
