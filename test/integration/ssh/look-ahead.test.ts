import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSshFleet, type SshFleet, sshTarget } from '@edge-run/master/ssh';
import { createCatalog } from '@edge-run/shared/execute';
import type { Host } from '@edge-run/shared/host';
import type { Clock } from '@edge-run/shared/kernel';
import { encodeValue, type PyMap } from '@edge-run/shared/values';
import {
  type Arbitrary,
  array,
  asyncProperty,
  assert as check,
  constantFrom,
  oneof,
  option,
  record,
  tuple,
} from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moduleContext } from '../../support/module-context.ts';
import { type SlowLine, startSlowLine } from '../../support/slow-line.ts';
import { hasSshd, type RunningSshd, startSshd } from '../../support/sshd.ts';
import { runFiles } from '../../support/state-files.ts';

const { states, functions } = createCatalog();
/** Each may change what another is: a link leads to `a`, a directory holds `dir/in`. */
const NAMES = ['a', 'b', 'dir', 'dir/in', 'link'] as const;

/** A state of a random run: its function, its arguments, and what else is said of it. */
interface Step {
  readonly fun: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** Words on the state; `requisite` is about the one before it. */
  readonly words: Readonly<Record<string, unknown>>;
  readonly requisite: string | undefined;
}

function steps(dir: string): Arbitrary<readonly Step[]> {
  const path = constantFrom(...NAMES.map((name) => join(dir, name)));
  const truth = constantFrom(true, false);
  const content = constantFrom('one', 'two');
  const command = tuple(
    constantFrom('echo one > ', 'rm -rf ', 'mkdir -p ', 'chmod 600 ', 'ln -sfn b ', 'test -e '),
    path,
  );
  const line = command.map((parts) => parts.join(''));
  const state = (fun: string, args: Arbitrary<object>): Arbitrary<Pick<Step, 'fun' | 'args'>> =>
    args.map((given) => ({ fun, args: given as Step['args'] }));
  const looking = oneof(
    state(
      'file.managed',
      record({ name: path, contents: content, follow_symlinks: truth, mode: constantFrom('0644', '0600') }),
    ),
    state('file.managed', record({ name: path, contents: content, replace: truth, create: truth })),
    // The text is a command, which rendering it runs: as a template may that calls a function.
    state('file.managed', record({ name: path, contents: line, template: constantFrom('jinja') })),
    state('file.append', record({ name: path, text: content })),
    state('file.exists', record({ name: path })),
    state('file.missing', record({ name: path })),
    state('file.absent', record({ name: path })),
    state('file.directory', record({ name: path.map((at) => `${at}/`), force: truth })),
    state('file.symlink', record({ name: path, target: path, force: truth })),
  );
  const step = oneof(
    { weight: 5, arbitrary: looking },
    { weight: 1, arbitrary: state('cmd.run', record({ name: line })) },
  );
  const words = oneof(
    { weight: 12, arbitrary: constantFrom({}) },
    { weight: 1, arbitrary: line.map((given) => ({ unless: given })) },
    { weight: 1, arbitrary: line.map((given) => ({ onlyif: given })) },
    { weight: 1, arbitrary: path.map((given) => ({ creates: given })) },
    { weight: 1, arbitrary: constantFrom({ test: true }, { retry: { attempts: 2, interval: 1 } }) },
  );
  const requisite = option(constantFrom('require', 'onchanges', 'onfail', 'watch', 'prereq', 'listen'), {
    freq: 1,
    nil: undefined,
  });
  const one = tuple(step, words, requisite).map(([what, said, on]): Step => ({ ...what, words: said, requisite: on }));
  return array(one, { minLength: 3, maxLength: 14 });
}

/** The steps as an SLS file; each is named after its place. */
function slsOf(given: readonly Step[]): string {
  const entries = given.map(({ fun, args, words, requisite }, index) => {
    const on = requisite === undefined || index === 0 ? {} : { [requisite]: [{ id: `s${index - 1}` }] };
    const said = { ...args, ...words, ...on };
    return [`s${index}`, { [fun]: Object.entries(said).map(([word, value]) => ({ [word]: value })) }];
  });
  return JSON.stringify(Object.fromEntries(entries));
}

/** What the run says of each state, without what differs from one run to the next. */
function told(returns: PyMap): unknown {
  const text = JSON.stringify(
    [...returns].map(([key, ret]) => [key, encodeValue(ret)]),
    (word, value: unknown) => (['duration', 'start_time', 'pid'].includes(word) ? undefined : value),
  );
  // A file that could not be written beside its place has another name each time.
  return JSON.parse(text.replace(/\.edge-[0-9a-f]{16}/g, '.edge-…'));
}

/** Path → what is there. */
async function tree(dir: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    found[path] = entry.isSymbolicLink()
      ? `-> ${await readlink(path)}`
      : entry.isFile()
        ? await readFile(path, 'utf8')
        : 'directory';
  }
  return found;
}

/** Without the ability that looking ahead needs. */
function atHand(host: Host): Host {
  return new Proxy(host, {
    get: (target, name) => {
      if (name === 'revision') return undefined;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe.skipIf(!hasSshd())(
  hasSshd() ? 'state runs over SSH that look ahead' : 'look-ahead (no sshd: apt-get install openssh-server)',
  () => {
    let sshd: RunningSshd;
    let line: SlowLine;
    let fleet: SshFleet;
    let dir: string;
    /** No look gets old here, however slow the machine. */
    const clock: Clock = { now: () => 0, sleep: async () => {} };

    beforeAll(async () => {
      sshd = await startSshd();
      line = await startSlowLine(sshd.port);
      const { user, keyFile } = sshd;
      const target = (id: string, port: number) => sshTarget({ id, host: line.host, port, user, keyFiles: [keyFile] });
      dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-ahead-')));
      fleet = createSshFleet({
        roster: [target('near', sshd.port), target('far', line.port)],
        hostKeys: { mode: 'accept-new', files: [join(dir, 'known_hosts')] },
      });
    });
    afterAll(async () => {
      await fleet?.close();
      await line?.close();
      await sshd?.stop();
      await rm(dir, { recursive: true, force: true });
    });

    const runOn = async (host: Host, sls: string, testing = false) => {
      const renderTemplate = async ({ text }: { readonly text: string }): Promise<string> =>
        (await host.exec(['sh', '-c', `cd "$1"; ${text} 2>&1`, 'sh', dir])).stdout;
      const context = moduleContext(host, { functions: [...functions.values()], extra: { renderTemplate } });
      return runFiles({ 'a.sls': sls }, states, { context, testing, clock });
    };

    it('say and change the same as runs that do not', { timeout: 120_000 }, async () => {
      const host = await fleet.host('near');
      const below = join(dir, 'tree');
      const outcome = async (on: Host, sls: string, testing: boolean): Promise<unknown> => {
        await rm(below, { recursive: true, force: true });
        await mkdir(below);
        await mkdir(join(below, 'dir'));
        for (const name of ['a', 'b', 'dir/in']) await writeFile(join(below, name), 'one\n');
        await symlink('a', join(below, 'link'));
        const first = await runOn(on, sls, testing);
        // The second time most of it is as it should be.
        const second = await runOn(on, sls, testing);
        return { first: told(first.returns), second: told(second.returns), tree: await tree(below) };
      };
      await check(
        asyncProperty(steps(below), constantFrom(false, false, true), async (given, testing) => {
          const sls = slsOf(given);
          expect(await outcome(host, sls, testing)).toEqual(await outcome(atHand(host), sls, testing));
        }),
        { numRuns: 20 },
      );
    });

    it('wait for few answers, from the connection on', async () => {
      const paths = Array.from({ length: 100 }, (_, index) => join(dir, `file${index}`));
      for (const path of paths) await writeFile(path, 'x\n');
      const sls = JSON.stringify(
        Object.fromEntries(paths.map((path) => [path, { 'file.managed': [{ contents: 'x' }] }])),
      );
      line.setDelayMs(20);
      const { returns, succeeded } = await runOn(await fleet.host('far'), sls);
      expect([...returns].length).toBe(100);
      expect(succeeded).toBe(true);
      // Five bursts of looks; the rest are handshake, login and shell.
      expect(line.roundTrips()).toBeLessThan(25);
    });
  },
);
