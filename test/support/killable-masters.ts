import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Agent } from '@edge-run/minion/agent';
import { startMinion } from '@edge-run/minion/compose';
import { parseMinionConfig } from '@edge-run/minion/config';
import type { NatsBus } from '@edge-run/shared/bus';
import { fromErrorRecord, type JsonValue, silentLogger } from '@edge-run/shared/kernel';
import { answerRecord, type RunJournalEvent, SUBJECTS } from '@edge-run/shared/protocol';
import { repositoryRoot } from '../conformance/runner.ts';
import { startNats, type TestNats } from './nats.ts';
import { type NatsProxy, startNatsProxy } from './nats-proxy.ts';
import { eventually } from './processes.ts';

const MASTER = join(repositoryRoot(), 'packages/master/bin/edge-master.js');

/** Who is to be there. */
export interface KillableOptions {
  readonly masters: readonly string[];
  readonly hosts: readonly string[];
  /** Path below `states/` → text. */
  readonly files: Readonly<Record<string, string>>;
  /** More of the configuration of each master, or of this one. */
  readonly config?: object | ((id: string) => object);
  /** Seconds until a master counts as gone. */
  readonly lease?: number;
  /** Masters speak to the server themselves: `killAtEntry` does nothing then. */
  readonly isDirect?: boolean;
}

interface Master {
  readonly proxy: NatsProxy;
  child: ChildProcess | undefined;
}

/**
 * Masters that are processes of their own, each behind a proxy that can kill it at an exact message, over one real
 * nats-server with JetStream on disk and whole minions in this process.
 */
export class KillableMasters {
  readonly directory: string;
  readonly #options: KillableOptions;
  readonly #nats: TestNats;
  readonly #bus: NatsBus;
  readonly #masters = new Map<string, Master>();
  readonly #agents: Agent[] = [];

  private constructor(directory: string, options: KillableOptions, nats: TestNats, bus: NatsBus) {
    this.directory = directory;
    this.#options = options;
    this.#nats = nats;
    this.#bus = bus;
  }

  static async start(options: KillableOptions): Promise<KillableMasters> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'edge-killable-')));
    const nats = await startNats();
    // The server knows no users: whoever asks is `local`.
    const fleet = new KillableMasters(directory, options, nats, await nats.connect('local'));
    try {
      await fleet.#bringUp();
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  async #bringUp(): Promise<void> {
    const { masters, hosts, files } = this.#options;
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.directory, 'states', path)), { recursive: true });
      await writeFile(join(this.directory, 'states', path), text.replaceAll('@DIR@', this.directory));
    }
    const trusted: string[] = [];
    for (const id of masters) {
      this.#masters.set(id, { proxy: await startNatsProxy(this.#nats.url), child: undefined });
      await this.startMaster(id);
      // The only one there is, so it is the one that answers.
      const { trustedKeys } = (await this.ask('keys.join', {})) as { trustedKeys: string[] };
      trusted.push(...trustedKeys);
      if (masters.length > 1) await this.killMaster(id);
    }
    if (masters.length > 1) for (const id of masters) await this.startMaster(id);
    for (const id of hosts) await this.#startMinion(id, trusted);
    await eventually(async () => {
      const { nodes } = (await this.ask('nodes.ls', {})) as { nodes: { state: string }[] };
      return nodes.filter(({ state }) => state === 'connected').length === hosts.length;
    }, 'all hosts are connected');
  }

  /** Starts a master and waits until it takes questions. */
  async startMaster(id: string): Promise<void> {
    const master = this.#masters.get(id)!;
    const { config: more } = this.#options;
    const config = {
      ...{
        id,
        data_dir: join(this.directory, id),
        nats: { url: this.#options.isDirect === true ? this.#nats.url : master.proxy.url },
      },
      ...{ file_roots: { base: [join(this.directory, 'states')] }, lease: this.#options.lease ?? 2 },
      ...(typeof more === 'function' ? more(id) : more),
    };
    await writeFile(join(this.directory, `${id}.yaml`), JSON.stringify(config));
    const child = spawn(process.execPath, [MASTER, 'run', '--config', join(this.directory, `${id}.yaml`)], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    master.child = child;
    const ready = new Promise<void>((resolve, reject) => {
      const take = (chunk: Buffer): void => {
        appendFileSync(join(this.directory, `${id}.log`), chunk);
        if (chunk.includes('the master is ready')) resolve();
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.once('exit', () => reject(new Error(`master ${id} ended before it was ready`)));
    });
    await ready;
  }

  async killMaster(id: string): Promise<void> {
    const { child } = this.#masters.get(id)!;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Kills the first master that appends entry number `after + 1` of a journal, and answers which. */
  killAtEntry(after: number, isDelivered: boolean): Promise<string> {
    return new Promise((resolve) => {
      for (const [id, { proxy, child }] of this.#masters) {
        if (!this.isAlive(id)) continue;
        const spring = (): void => {
          for (const other of this.#masters.values()) other.proxy.disarm();
          child!.once('exit', () => resolve(id));
          child!.kill('SIGKILL');
        };
        proxy.arm({ subject: 'edge.run.', after, isDelivered, spring });
      }
    });
  }

  /** Address of the nats-server, past the proxies. */
  get url(): string {
    return this.#nats.url;
  }

  pid(id: string): number {
    return this.#masters.get(id)!.child!.pid!;
  }

  isAlive(id: string): boolean {
    const { child } = this.#masters.get(id)!;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Asks an operation of whichever master answers. @throws what the master answered as an error */
  async ask(operation: string, question: object): Promise<JsonValue> {
    const body = await this.#bus.request(SUBJECTS.operation(operation), question, { timeoutMs: 10_000 });
    const answer = answerRecord.parse(body);
    if (!answer.ok) throw fromErrorRecord(answer.error);
    return answer.answer as JsonValue;
  }

  async journal(run: string): Promise<readonly RunJournalEvent[]> {
    const { events } = (await this.ask('orch.show', { run })) as unknown as { events: readonly RunJournalEvent[] };
    return events;
  }

  /** Runs that somebody has started, newest first. */
  async runs(): Promise<readonly { readonly run: string; readonly state: string }[]> {
    const { runs } = (await this.ask('orch.ls', { limit: 20 })) as { runs: { run: string; state: string }[] };
    return runs;
  }

  /** The lines that a host's steps have written. */
  async log(host: string): Promise<readonly string[]> {
    const text = await readFile(join(this.directory, `${host}.steps`), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
    for (const id of this.#masters.keys()) await this.killMaster(id);
    for (const { proxy } of this.#masters.values()) await proxy.close();
    await this.#nats.stop();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #startMinion(id: string, trusted_keys: readonly string[]): Promise<void> {
    const data_dir = join(this.directory, 'minions', id);
    const file = { id, servers: [this.#nats.url], data_dir, trusted_keys: [...trusted_keys] };
    const agent = await startMinion(parseMinionConfig({ file }), { log: silentLogger });
    this.#agents.push(agent);
    await agent.ready();
  }
}
