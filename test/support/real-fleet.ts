import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectNatsBus, credentialsFromCreds, type NatsBus } from '@edge-run/shared/bus';
import { fromErrorRecord, type JsonValue } from '@edge-run/shared/kernel';
import { answerRecord, SUBJECTS } from '@edge-run/shared/protocol';
import { repositoryRoot } from '../conformance/runner.ts';
import { eventually, killHard, processesOf } from './processes.ts';

const MASTER = join(repositoryRoot(), 'packages/master/bin/edge-master.js');
const MINION = join(repositoryRoot(), 'packages/minion/bin/edge-minion.js');

/** A master and minions, each a process of its own that can be killed and started again. */
export class RealFleet {
  readonly directory: string;
  readonly #processes = new Map<string, ChildProcess>();
  #bus: NatsBus | undefined;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** A master that lets everybody in who has the token, and these minions; `config`: more of the master's settings. */
  static async start(ids: readonly string[], config: object = {}): Promise<RealFleet> {
    const fleet = new RealFleet(await mkdtemp(join(tmpdir(), 'edge-real-')));
    await fleet.#write('master.yaml', { data_dir: 'data', file_roots: { base: ['states'] }, ...config });
    await fleet.startMaster();
    const access = (await fleet.ask('keys.join', {})) as { servers: string[]; knock: string; trustedKeys: string[] };
    const { token } = (await fleet.ask('keys.token-new', { uses: Math.max(1, ids.length) })) as { token: string };
    for (const id of ids) {
      await fleet.#write(`${id}.yaml`, {
        ...{ id, data_dir: `${fleet.directory}/${id}`, servers: access.servers, knock: access.knock },
        ...{ trusted_keys: access.trustedKeys, join_token: token },
      });
      fleet.startMinion(id);
    }
    await eventually(async () => {
      const { nodes } = (await fleet.ask('nodes.ls', {})) as { nodes: { state: string }[] };
      return nodes.filter(({ state }) => state === 'connected').length === ids.length;
    }, 'all minions are connected');
    return fleet;
  }

  async startMaster(): Promise<void> {
    this.#spawn('master', [MASTER, 'run', '--config', join(this.directory, 'master.yaml')]);
    await eventually(() => this.#connect(), 'the master answers', 60_000);
  }

  startMinion(id: string): void {
    this.#spawn(id, [MINION, 'run', '--config', join(this.directory, `${id}.yaml`)]);
  }

  /** Kills `master` or a minion in whatever it does. */
  async kill(name: string): Promise<void> {
    const child = this.#processes.get(name)!;
    if (!this.isRunning(name)) throw new Error(`${name} has ended by itself: ${child.exitCode ?? child.signalCode}`);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Kills the nats-server of the master, which starts it again. */
  async killServer(): Promise<void> {
    // While one is being started there is none to kill.
    const pid = await eventually(() => this.serverPid().catch(() => undefined), 'there is a nats-server');
    process.kill(pid, 'SIGKILL');
  }

  /** Process number of the master's nats-server. */
  async serverPid(): Promise<number> {
    const claim = JSON.parse(await readFile(join(this.directory, 'data/nats/claim.json'), 'utf8')) as {
      server: number;
    };
    return claim.server;
  }

  isRunning(name: string): boolean {
    const { exitCode, signalCode } = this.#processes.get(name)!;
    return exitCode === null && signalCode === null;
  }

  pid(name: string): number {
    return this.#processes.get(name)!.pid!;
  }

  /** Asks an operation. @throws what the master answered as an error, or that nobody answers */
  async ask(operation: string, question: object): Promise<JsonValue> {
    const bus = this.#bus!;
    const body = await bus.request(SUBJECTS.operation(operation, 'operator'), question, { timeoutMs: 10_000 });
    const answer = answerRecord.parse(body);
    if (!answer.ok) throw fromErrorRecord(answer.error);
    return answer.answer as JsonValue;
  }

  async stop(): Promise<void> {
    await this.#bus?.close();
    // The master last: it ends its nats-server.
    for (const [name, child] of [...this.#processes].reverse()) await end(child, name === 'master');
    // A master that was killed has left its nats-server behind.
    for (const { pid } of processesOf(this.directory)) await killHard(pid);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #connect(): Promise<boolean> {
    await this.#bus?.close();
    try {
      const creds = await readFile(join(this.directory, 'data/operator.creds'), 'utf8');
      const url = `nats://127.0.0.1:${await readFile(join(this.directory, 'data/nats/port'), 'utf8')}`;
      this.#bus = await connectNatsBus({
        ...{ servers: [url], name: 'test', inboxPrefix: '_INBOX.operator', credentials: credentialsFromCreds(creds) },
      });
      await this.ask('keys.ls', {});
      return true;
    } catch {
      return false; // not yet
    }
  }

  async #write(name: string, content: object): Promise<void> {
    await writeFile(join(this.directory, name), JSON.stringify(content));
  }

  #spawn(name: string, words: readonly string[]): void {
    const child = spawn(process.execPath, words, { stdio: 'ignore', env: { PATH: process.env.PATH, HOME: '/root' } });
    this.#processes.set(name, child);
  }
}

async function end(child: ChildProcess, gently: boolean): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(gently ? 'SIGTERM' : 'SIGKILL');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}
