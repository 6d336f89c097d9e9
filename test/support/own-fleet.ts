import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type RunningMaster, startMaster } from '@edge-run/master/compose';
import { loadMasterConfig } from '@edge-run/master/config';
import type { Agent } from '@edge-run/minion/agent';
import { startMinion } from '@edge-run/minion/compose';
import { parseMinionConfig } from '@edge-run/minion/config';
import { connectNatsBus, credentialsFromCreds, type NatsBus } from '@edge-run/shared/bus';
import { fromErrorRecord, type JsonValue, type Logger, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { answerRecord, SUBJECTS } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, fromPlain, toPlain } from '@edge-run/shared/values';
import { eventually } from './processes.ts';

/** A project of its own. */
export interface OwnFleetOptions {
  /** Lines of the master's configuration; `@DIR@` is the project's folder. */
  readonly config?: string;
  /** Path in the project → text. */
  readonly files?: Readonly<Record<string, string>>;
  readonly log?: Logger;
}

/** A whole master with a nats-server of its own, and whole minions, all in this process. */
export class OwnFleet {
  readonly dir: string;
  readonly #log: Logger;
  readonly #agents = new Map<string, Agent>();
  #master: RunningMaster | undefined;
  #bus: NatsBus | undefined;

  private constructor(dir: string, log: Logger) {
    this.dir = dir;
    this.#log = log;
  }

  static async start({ config = '', files = {}, log = silentLogger }: OwnFleetOptions = {}): Promise<OwnFleet> {
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-fleet-')));
    const fleet = new OwnFleet(dir, log);
    await fleet.write({
      'edge.yaml': `data_dir: data\n${config.replaceAll('@DIR@', dir)}\n`,
      ...files,
    });
    await fleet.startMaster();
    return fleet;
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.dir, path)), { recursive: true });
      await writeFile(join(this.dir, path), text);
    }
  }

  get master(): RunningMaster {
    return this.#master!;
  }

  async startMaster(): Promise<void> {
    const config = loadMasterConfig(join(this.dir, 'edge.yaml'));
    this.#master = await startMaster({
      ...{ config, minionCommand: ['false'], clock: systemClock, log: this.#log },
    });
    const { operator, url } = this.#master;
    if (operator === undefined || !('creds' in operator)) throw new Error('the master gave no credentials');
    this.#bus = await connectNatsBus({
      servers: [url],
      credentials: credentialsFromCreds(operator.creds),
      name: 'test',
      inboxPrefix: '_INBOX.operator',
    });
  }

  async stopMaster(): Promise<void> {
    await this.#bus?.close();
    await this.#master?.stop();
    this.#bus = undefined;
    this.#master = undefined;
  }

  /** Asks an operation. @throws what the master answered as an error */
  async ask(operation: string, question: object): Promise<JsonValue> {
    const body = await this.#bus!.request(SUBJECTS.operation(operation, 'operator'), question, { timeoutMs: 10_000 });
    const answer = answerRecord.parse(body);
    if (!answer.ok) throw fromErrorRecord(answer.error);
    return answer.answer as JsonValue;
  }

  /** Calls a runner and answers what it answered, as plain data. @throws what it threw */
  async runner(fun: string, args: readonly unknown[] = [], kwargs: object = {}): Promise<unknown> {
    const answer = (await this.ask('runner.call', {
      fun,
      args: args.map((value) => encodeValue(fromPlain(value))),
      kwargs: Object.entries(kwargs).map(([name, value]) => [name, encodeValue(fromPlain(value))]),
    })) as unknown as { ret: JsonValue; error?: Parameters<typeof fromErrorRecord>[0] };
    if (answer.error !== undefined) throw fromErrorRecord(answer.error);
    return toPlain(decodeValue(answer.ret));
  }

  /** Runs a function on one host and answers its return. @throws Error when it was no success */
  async run(id: string, fun: string, args: readonly unknown[] = [], kwarg: object = {}): Promise<unknown> {
    const answers = await this.exec(id, fun, args, kwarg);
    const answer = answers[id];
    if (answer?.success !== true) throw new Error(`${fun} on ${id}: ${JSON.stringify(answer ?? 'no return')}`);
    return answer.ret;
  }

  /** Runs a function on hosts: id → return and success. */
  async exec(
    tgt: string,
    fun: string,
    arg: readonly unknown[] = [],
    kwarg: object = {},
    tgt_type = 'glob',
  ): Promise<Readonly<Record<string, { readonly ret: unknown; readonly success: boolean }>>> {
    return (await this.runner('salt.cmd', ['saltutil.cmd', tgt, fun, arg, 50, tgt_type, '', kwarg])) as never;
  }

  /** What a minion is told that is to be let in by a token. */
  async minionConfig(id: string, config: object = {}): Promise<object> {
    const { knock, trustedKeys } = (await this.ask('keys.join', {})) as { knock: string; trustedKeys: string[] };
    const { token } = (await this.ask('keys.token-new', { ids: id })) as { token: string };
    const data_dir = join(this.dir, 'minions', id);
    return {
      ...{ id, servers: [this.master.url], data_dir, knock, trusted_keys: trustedKeys, join_token: token },
      ...config,
    };
  }

  /** A whole minion; answers once it takes jobs and has told its facts. */
  async startMinion(id: string, config: object = {}): Promise<Agent> {
    const parsed = parseMinionConfig({ file: await this.minionConfig(id, config) });
    const agent = await startMinion(parsed, { log: this.#log });
    this.#agents.set(id, agent);
    await agent.ready();
    await eventually(() => this.hasTold(id), `${id} has told its facts`);
    return agent;
  }

  async stopMinion(id: string): Promise<void> {
    await this.#agents.get(id)?.stop();
    this.#agents.delete(id);
  }

  /** Whether the master knows the facts of a host. */
  async hasTold(id: string): Promise<boolean> {
    const { nodes } = (await this.ask('nodes.ls', {})) as { nodes: { id: string; grainsAsOf?: number }[] };
    return nodes.some((node) => node.id === id && node.grainsAsOf !== undefined);
  }

  read(path: string): Promise<string> {
    return readFile(join(this.dir, path), 'utf8');
  }

  async stop(): Promise<void> {
    for (const id of [...this.#agents.keys()]) await this.stopMinion(id);
    await this.stopMaster();
    await rm(this.dir, { recursive: true, force: true });
  }
}
