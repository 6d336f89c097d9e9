import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FoundProcess, processesOf } from './processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EDGE_RUN = join(ROOT, 'packages/cli/bin/edge-run.js');
const BUILD_REPOSITORY = join(ROOT, 'example/shop/build-repository.js');
const COMMAND_WITHIN_MS = 120_000;

/** How a command line ended. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line that goes on. */
export interface Started {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<Ended>;
}

export interface StackOptions {
  /** Do not run `edge-run up`. */
  readonly isDown?: boolean;
  /** Lines for the project's `edge.yaml`. */
  readonly config?: string;
  /** Paths of states, pillars and orchestrations in the project folder → text. Files of the example are seen as well. */
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * The example environment run by `edge-run up` in a directory and a network of its own: it never meets a stack that
 * somebody else runs.
 */
export class TestStack {
  /** `EDGE_HOME`. */
  readonly home: string;
  /** The folder with `edge.yaml`. */
  readonly project: string;
  /** First three parts of the fleet's addresses. */
  readonly network: string;
  readonly #started = new Set<ChildProcess>();

  constructor(home: string, network: string) {
    this.home = home;
    this.project = join(home, 'project');
    this.network = network;
  }

  /** Where master and fleet keep their files. */
  get dir(): string {
    return join(this.home, 'dev');
  }

  /** The shop through the load balancer of an environment. */
  get front(): string {
    return `http://${this.network}.10:8000/health`;
  }

  /** server of the prod environment → its own address, past the load balancer. */
  get servers(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [1, 2, 3, 4].map((number) => [`prod-app${number}`, `http://${this.network}.${10 + number}:8080/health`]),
    );
  }

  /** Runs `edge-run` with these words to its end. */
  async run(...words: readonly string[]): Promise<Ended> {
    return this.start(words).ended;
  }

  /** As `run` with `-o json`, what it printed taken as JSON. @throws Error unless stdout is one JSON value */
  async json<T>(...words: readonly string[]): Promise<Ended & { readonly value: T }> {
    const ended = await this.run(...words, '-o', 'json');
    try {
      return { ...ended, value: JSON.parse(ended.stdout) as T };
    } catch (error) {
      throw new Error(`edge-run ${words.join(' ')} -o json: ${(error as Error).message}\n${describe(ended)}`);
    }
  }

  /** Starts `edge-run` with these words, or another program of Node.js. It is killed after two minutes. */
  start(words: readonly string[], { env = {}, program = EDGE_RUN, withinMs = COMMAND_WITHIN_MS } = {}): Started {
    const child = spawn(process.execPath, [program, ...words], {
      cwd: this.project,
      env: { ...cleanEnvironment(), EDGE_HOME: this.home, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#started.add(child);
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    const ended = new Promise<Ended>((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
      child.once('error', reject);
      // Not `exit`: what was written last may still be on its way.
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        this.#started.delete(child);
        if (code !== null) resolve({ exitCode: code, ...output });
        else reject(new Error(`edge-run ${words.join(' ')} ended by ${signal}\n${output.stdout}\n${output.stderr}`));
      });
    });
    ended.catch(() => undefined);
    return { child, output, ended };
  }

  /** As `run`. @throws Error with everything it wrote unless it exits 0 */
  async mustRun(...words: readonly string[]): Promise<Ended> {
    const ended = await this.run(...words);
    if (ended.exitCode !== 0) throw new Error(`edge-run ${words.join(' ')}\n${describe(ended)}`);
    return ended;
  }

  /** Rolls a revision of the shop out in prod. */
  async deploy(revision: string): Promise<Ended> {
    return this.run(...deployWords(revision));
  }

  /** The entries of a run's journal, oldest first. */
  async journal(run: string): Promise<readonly JournalEvent[]> {
    return (await this.json<JournalEvent[]>('orch', 'logs', run)).value;
  }

  /** The id of the youngest run. */
  async lastRun(): Promise<string> {
    return (await this.json<{ run: string }[]>('orch', 'ls')).value[0]!.run;
  }

  /** Process number of the master. */
  async masterPid(): Promise<number> {
    return Number(await readFile(join(this.dir, 'master.pid'), 'utf8'));
  }

  /** Processes that belong to this stack. */
  processes(): readonly FoundProcess[] {
    return processesOf(this.home);
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.project, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
  }

  /** Writes `edge.yaml` with these lines beside those of the example. */
  async configure(config: string): Promise<void> {
    const file = `\
file_roots:
  base: [states, ${ROOT}states]
orchestration_roots: [orch, ${ROOT}orch]
pillar_roots:
  prod: [pillars, ${ROOT}pillars/prod, ${ROOT}pillars/company]
  test: [pillars, ${ROOT}pillars/test, ${ROOT}pillars/company]
fleet:
  network: ${this.network}
  repositories: ../repositories
${config}`;
    await this.write('edge.yaml', file);
  }

  /**
   * Ends everything that was started and removes the directory.
   * @throws Error when `edge-run down` left a process behind; it is ended then all the same
   */
  async stop(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL');
    let ended: Ended | undefined;
    try {
      ended = await this.run('down');
    } finally {
      const left = this.processes();
      for (const { pid } of left) kill(pid);
      await rm(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      if (left.length > 0)
        // biome-ignore lint/correctness/noUnsafeFinally: what is left is the better message of the two
        throw new Error(`left behind: ${left.map(({ pid, command }) => `${pid} ${command}`).join('\n')}`);
    }
    if (ended.exitCode !== 0) throw new Error(`edge-run down\n${describe(ended)}`);
  }
}

/** An entry of a run's journal. */
export interface JournalEvent {
  readonly type: string;
  readonly at: number;
  readonly step?: string;
  readonly mode?: string;
  readonly outcome?: string;
  readonly master?: string;
}

/** The words that roll a revision of the shop out in prod. */
export function deployWords(revision: string): readonly string[] {
  return ['orch', 'deploy-environment', 'pillarenv=prod', `pillar=${JSON.stringify({ shop: { revision } })}`];
}

/** Makes a stack with a project of its own, and starts it. */
export async function startStack(options: StackOptions = {}): Promise<TestStack> {
  // Short: paths of sockets below must stay under 100 characters.
  const home = await mkdtemp(join(tmpdir(), 'ee-'));
  // Services of the fleet run as other users.
  await chmod(home, 0o755);
  const stack = new TestStack(home, `127.${randomInt(1, 255)}.${randomInt(1, 255)}`);
  try {
    for (const folder of ['states', 'orch', 'pillars']) await mkdir(join(stack.project, folder), { recursive: true });
    await stack.configure(options.config ?? '');
    for (const [path, text] of Object.entries(options.files ?? {})) await stack.write(path, text);
    await buildRepository(stack);
    if (options.isDown !== true) await stack.mustRun('up');
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function buildRepository(stack: TestStack): Promise<void> {
  const built = stack.start([join(stack.home, 'repositories/shop.git')], { program: BUILD_REPOSITORY });
  const ended = await built.ended;
  if (ended.exitCode !== 0) throw new Error(`the shop's repository was not built\n${describe(ended)}`);
}

/** Everything a command line said, for the message of a failed test. */
export function describe({ exitCode, stdout, stderr }: Ended): string {
  return `exit code ${exitCode}\n--- stdout\n${stdout}\n--- stderr\n${stderr}`;
}

/** Nothing of the caller's own Edge. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(EDGE_|NODE_OPTIONS|VITEST)/.test(name)));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
