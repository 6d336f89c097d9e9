import { fileURLToPath } from 'node:url';
import { operation } from '@edge-run/master/gateway';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import { type FleetOptions, startFleet, type TestFleet, type TestMaster } from './fleet.ts';
import { GATEWAY, type HostsOptions, startHosts, type TestHosts } from './hosts.ts';
import { eventually } from './processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** Where the hosts see this repository, read-only. */
const INSIDE = '/opt/edge';
const ACCEPTED_WITHIN_MS = 30_000;
const never = new AbortController().signal;

/** How a state ended on a host. */
export interface StateReturn {
  readonly result: boolean | null;
  readonly changes: Readonly<Record<string, unknown>>;
  readonly comment: string;
}

/** Hosts of their own, each with a minion that its runit keeps, and a master in this process. */
export interface HostFleet {
  readonly hosts: TestHosts;
  readonly fleet: TestFleet;
  readonly master: TestMaster;
  /** Runs a function on one host by a job, and answers its end. */
  job(id: string, fun: string, args?: readonly unknown[], kwargs?: object, jid?: string): Promise<JobTargetAnswer>;
  /** As `job`, and answers what the function did. @throws Error unless it succeeded */
  call(id: string, fun: string, args?: readonly unknown[], kwargs?: object): Promise<unknown>;
  /** Runs one state on one host. @throws Error when the job gives no such return */
  state(id: string, fun: string, args: object): Promise<StateReturn>;
  /**
   * Looks with `test: true`, applies, and applies once more: the state must foresee what it changes, and change nothing
   * the second time. Answers how it was applied. @throws Error that says what was otherwise
   */
  converge(id: string, fun: string, args: object): Promise<StateReturn>;
  /** The output of a shell script run by root on a host. @throws Error unless it exits 0 */
  shell(id: string, script: string): Promise<string>;
  /** Resolves once a job on the host succeeds. */
  answers(id: string): Promise<void>;
  /** Ends everything. */
  stop(): Promise<void>;
}

/** Starts hosts, a master and a minion on each host; answers when all are accepted and answer. Needs a build. */
export async function startHostFleet(
  names: readonly string[],
  options: { readonly hosts?: HostsOptions; readonly fleet?: FleetOptions } = {},
): Promise<HostFleet> {
  const mounts = { ...options.hosts?.mounts, [ROOT]: INSIDE };
  const hosts = await startHosts(names, { ...options.hosts, mounts });
  let fleet: TestFleet | undefined;
  const stop = async (): Promise<void> => {
    await hosts.stop();
    await fleet?.stop();
  };
  try {
    const pillar = operation(z.looseObject({}), async () => ({}));
    fleet = await startFleet({ ...options.fleet, rpc: { pillar, ...options.fleet?.rpc } });
    const master = await fleet.startMaster();
    await hosts.offer(Number(new URL(fleet.nats.url).port));
    for (const name of names) await installMinion(fleet, hosts, name);
    const made = new RunningHostFleet({ hosts, fleet, master, stop });
    const { keyring } = fleet;
    for (const name of names) {
      await eventually(() => keyring.accepted().includes(name), `${name} comes in`, ACCEPTED_WITHIN_MS);
      await made.answers(name);
    }
    return made;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Has runit keep a minion; it is let in by a token. */
async function installMinion(fleet: TestFleet, hosts: TestHosts, name: string): Promise<void> {
  const { token } = await fleet.keyring.createToken({ name, ids: name });
  const environment = {
    EDGE_MINION_ID: name,
    EDGE_SERVERS: `nats://${GATEWAY}:${new URL(fleet.nats.url).port}`,
    EDGE_DATA_DIR: '/var/lib/edge',
    EDGE_KNOCK: fleet.keyring.knockJwt(),
    EDGE_JOIN_TOKEN: token,
    EDGE_TRUSTED_KEYS: fleet.keyring.jobSigner.publicKey,
    EDGE_LOG_LEVEL: 'info',
  };
  const words = Object.entries(environment).map(([key, value]) => `${key}='${value}'`);
  const minion = `node ${INSIDE}/packages/minion/bin/edge-minion.js run >>/var/log/edge-minion.log 2>&1`;
  const script = `#!/bin/sh\nexec env ${words.join(' ')} ${minion}\n`;
  const install = 'mkdir -p /etc/sv/minion && printf %s "$1" >/etc/sv/minion/run && chmod 755 /etc/sv/minion/run';
  const link = 'ln -s /etc/sv/minion /etc/service/minion';
  const { exitCode, stderr } = await hosts.host(name).exec(['sh', '-c', `${install} && ${link}`, 'sh', script]);
  if (exitCode !== 0) throw new Error(`no minion on ${name}: ${stderr}`);
}

class RunningHostFleet implements HostFleet {
  readonly hosts: TestHosts;
  readonly fleet: TestFleet;
  readonly master: TestMaster;
  readonly stop: () => Promise<void>;

  constructor(parts: Pick<HostFleet, 'hosts' | 'fleet' | 'master' | 'stop'>) {
    this.hosts = parts.hosts;
    this.fleet = parts.fleet;
    this.master = parts.master;
    this.stop = parts.stop;
  }

  async job(
    id: string,
    fun: string,
    args: readonly unknown[] = [],
    kwargs: object = {},
    jid?: string,
  ): Promise<JobTargetAnswer> {
    const named = Object.entries(kwargs).map(([key, value]): [string, Value] => [key, fromPlain(value)]);
    const { targets } = await this.master.jobs.run(
      {
        ...{ target: id, targetType: 'list', fun, args: args.map(fromPlain), kwargs: new Map(named) },
        ...(jid === undefined ? {} : { jid }),
      },
      never,
    );
    return targets.get(id)!;
  }

  async call(id: string, fun: string, args: readonly unknown[] = [], kwargs: object = {}): Promise<unknown> {
    const { outcome, ret, evidence } = await this.job(id, fun, args, kwargs);
    if (outcome !== 'succeeded')
      throw new Error(`${fun} on ${id} ${outcome}: ${evidence} ${JSON.stringify(toPlain(ret ?? null))}`);
    return toPlain(ret ?? null);
  }

  async state(id: string, fun: string, args: object): Promise<StateReturn> {
    const { ret, evidence } = await this.job(id, 'state.single', [fun], args);
    const [only, ...more] = ret instanceof PyMap ? [...ret.values()] : [];
    if (!(only instanceof PyMap) || more.length > 0)
      throw new Error(`${fun} on ${id}: ${evidence} ${JSON.stringify(toPlain(ret ?? null))}`);
    return toPlain(only) as unknown as StateReturn;
  }

  async converge(id: string, fun: string, args: object): Promise<StateReturn> {
    const planned = await this.state(id, fun, { ...args, test: true });
    const applied = await this.state(id, fun, args);
    const again = await this.state(id, fun, args);
    const keys = (answer: StateReturn): string => Object.keys(answer.changes).join(' ');
    const isClean = again.result === true && keys(again) === '';
    if (planned.result === null && applied.result === true && isClean && keys(applied) !== '') {
      if (keys(planned) === keys(applied)) return applied;
    }
    throw new Error(`${fun} on ${id} does not converge: ${JSON.stringify({ planned, applied, again }, undefined, 2)}`);
  }

  async shell(id: string, script: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.hosts.host(id).exec(['sh', '-c', script]);
    if (exitCode !== 0) throw new Error(`${script} exited ${exitCode} on ${id}: ${stderr}`);
    return stdout.trim();
  }

  async answers(id: string): Promise<void> {
    await eventually(async () => (await this.job(id, 'test.ping')).outcome === 'succeeded', `${id} answers`);
  }
}
