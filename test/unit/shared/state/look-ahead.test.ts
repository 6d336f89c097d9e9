import type { Host } from '@edge-run/shared/host';
import { type Clock, EdgeError } from '@edge-run/shared/kernel';
import { cmdStates, fileStates, testStates } from '@edge-run/shared/modules/states';
import type { PyMap } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { moduleContext } from '../../../support/module-context.ts';
import { byName, runFiles } from '../../../support/state-files.ts';

const states = byName(...fileStates, ...cmdStates, ...testStates);

/** A host in memory that is far away. */
class FarHost {
  readonly memory = new FakeHost();
  /** Paths that were looked at, each with the others that were under way when its answer came. */
  readonly bursts: string[][] = [];
  readonly host: Host;
  /** Paths whose next look fails. */
  readonly broken = new Set<string>();
  #revision = 0;
  #isBurst = false;

  constructor() {
    const { memory } = this;
    const changed = <T>(work: Promise<T>): Promise<T> => {
      this.#revision += 1;
      return work;
    };
    this.host = {
      id: 'far',
      probe: (command, options) => changed(memory.probe(command, options)),
      exec: (command, options) => changed(memory.exec(command, options)),
      writeFile: (path, content, options) => changed(memory.writeFile(path, content, options)),
      remove: (path) => changed(memory.remove(path)),
      readFile: (path) => memory.readFile(path),
      list: (path) => memory.list(path),
      stat: (path) => this.#answer(path, () => memory.stat(path)),
      look: (asked, { followLinks }) =>
        this.#answer(asked, async () => {
          const path = (followLinks ? (await memory.stat(asked))?.linkTarget : undefined) ?? asked;
          const stat = await memory.stat(path);
          return stat?.kind === 'file' ? { path, stat, content: await memory.readFile(path) } : { path, stat };
        }),
      revision: () => this.#revision,
    };
  }

  /** Every path that was looked at, in order. */
  get looks(): readonly string[] {
    return this.bursts.flat();
  }

  async #answer<T>(path: string, look: () => Promise<T>): Promise<T> {
    if (!this.#isBurst) this.bursts.push([]);
    this.#isBurst = true;
    this.bursts.at(-1)!.push(path);
    // What is on the host when the question comes is the answer, however long that takes to come back.
    const answer = look();
    await new Promise((resolve) => setImmediate(resolve));
    this.#isBurst = false;
    if (this.broken.delete(path)) throw new EdgeError('EDGE_COMMAND_FAILED', 'the look broke');
    return answer;
  }
}

interface Run {
  /** `name: result` of each state, in order. */
  readonly results: readonly string[];
  readonly far: FarHost;
}

async function run(
  sls: Readonly<Record<string, unknown>>,
  far: FarHost,
  parts: { clock?: Clock; render?: () => string } = {},
): Promise<Run> {
  const { clock = new ManualClock(), render } = parts;
  const context = moduleContext(far.host, render === undefined ? {} : { render });
  const { returns } = await runFiles({ 'a.sls': JSON.stringify(sls) }, states, { context, clock });
  const results = [...returns].map(([, ret]) => `${(ret as PyMap).get('name')}: ${(ret as PyMap).get('result')}`);
  return { results, far };
}

function managed(count: number): Record<string, unknown> {
  const paths = Array.from({ length: count }, (_, index) => `/f/${index}`);
  return Object.fromEntries(paths.map((path) => [path, { 'file.managed': [{ contents: 'x' }] }]));
}

function hostWith(count: number, content = 'x\n'): FarHost {
  const far = new FarHost();
  far.memory.directory('/f');
  for (let index = 0; index < count; index += 1) far.memory.file(`/f/${index}`, content);
  return far;
}

describe('looking ahead', () => {
  test('a host that is far away is asked for many looks at once, and for each path once', async () => {
    const { results, far } = await run(managed(100), hostWith(100));
    expect(results.filter((line) => line.endsWith(': true'))).toHaveLength(100);
    expect(far.bursts.map(({ length }) => length)).toEqual([8, 16, 32, 32, 12]);
    expect(new Set(far.looks).size).toBe(100);
  });

  test('where every state changes something, only the first burst is asked for in vain', async () => {
    const { results, far } = await run(managed(30), hostWith(30, 'old\n'));
    expect(results.filter((line) => line.endsWith(': true'))).toHaveLength(30);
    // Each is looked at before and after its change.
    expect(far.looks.length).toBe(30 * 2 + 7);
  });

  test('stat, look and links: an answer serves only the question it fits', async () => {
    const far = hostWith(1);
    far.memory.link('/f/link', '/f/0').directory('/f/dir');
    const { results } = await run(
      {
        a: { 'file.exists': [{ name: '/f/0' }] },
        b: { 'file.directory': [{ name: '/f/dir/' }] },
        c: { 'file.symlink': [{ name: '/f/link' }, { target: '/f/0' }] },
        d: { 'file.absent': [{ name: '/f/none' }] },
        e: { 'file.managed': [{ name: '/f/0' }, { contents: 'x' }, { follow_symlinks: false }] },
      },
      far,
    );
    expect(results.every((line) => line.endsWith(': true'))).toBe(true);
    // The same path again is asked for when its own turn comes.
    expect(far.bursts).toEqual([['/f/0', '/f/dir', '/f/link', '/f/none'], ['/f/0']]);
  });

  test('a link that is to be replaced is not taken for what it leads to', async () => {
    const far = hostWith(1);
    far.memory.link('/f/link', '/f/0');
    const args = [{ name: '/f/link' }, { contents: 'x' }, { follow_symlinks: false }];
    const { results } = await run({ a: { 'file.managed': args } }, far);
    expect(results).toEqual(['/f/link: true']);
    expect(far.memory.text('/f/link')).toBe('x\n');
  });

  test('nothing is looked at beyond a state that may run a command', async () => {
    const far = hostWith(4);
    far.memory.on(['true', {}], [/true/, {}]);
    const { far: asked } = await run(
      {
        '/f/0': { 'file.exists': [] },
        '/f/1': { 'file.exists': [{ retry: { attempts: 2, interval: 1 } }] },
        '/f/2': { 'file.exists': [] },
        cmd: { 'cmd.run': [{ name: 'true' }] },
        '/f/3': { 'file.exists': [] },
      },
      far,
    );
    expect(asked.bursts.slice(0, 3)).toEqual([['/f/0'], ['/f/1'], ['/f/2']]);
    expect(asked.bursts.at(-1)).toEqual(['/f/3']);
  });

  test('what others changed meanwhile is seen when the look is old', async () => {
    const far = hostWith(3);
    let now = 0;
    const clock = { now: () => now, sleep: async () => {} };
    const render = (): string => {
      now = 3_001;
      far.memory.file('/f/1', 'other\n');
      return 'x\n';
    };
    const { results } = await run(
      {
        '/f/0': { 'file.managed': [{ contents: 'x' }, { template: 'jinja' }] },
        '/f/1': { 'file.managed': [{ contents: 'x' }] },
      },
      far,
      { clock, render },
    );
    expect(results).toEqual(['/f/0: true', '/f/1: true']);
    expect(far.memory.text('/f/1')).toBe('x\n');
  });

  test('a look that failed is asked again by its state, and fails no other', async () => {
    const far = hostWith(3);
    far.broken.add('/f/0').add('/f/1');
    const { results } = await run(managed(3), far);
    expect(results).toEqual(['/f/0: true', '/f/1: true', '/f/2: true']);
    expect(far.bursts).toEqual([['/f/0', '/f/1', '/f/2'], ['/f/0'], ['/f/1', '/f/2']]);
  });

  test('a host that is near is asked for one state at a time', async () => {
    const far = hostWith(3);
    const { revision: _, ...near } = far.host;
    const context = moduleContext(near);
    await runFiles({ 'a.sls': JSON.stringify(managed(3)) }, states, { context });
    expect(far.bursts).toEqual([['/f/0'], ['/f/1'], ['/f/2']]);
  });
});
