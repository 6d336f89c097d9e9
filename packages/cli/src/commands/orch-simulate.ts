import { EdgeError, formatDuration } from '@edge-run/shared/kernel';
import type { OperationAnswer } from '@edge-run/shared/protocol';
import type { ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { collect, parseCount } from '../flags.ts';
import { emit } from '../output/emit.ts';
import type { Session } from '../session.ts';
import { readRunRequest } from './read-run-request.ts';
import { type Argument, type Options, type Register, wordAt, wordsAt } from './registry.ts';

type Simulation = OperationAnswer<'orch.simulate'>;

/** Rendering a large fleet takes a while. */
const WITHIN_MS = 600_000;

/** `orch simulate NAME`: the true engine on hosts that do not exist. */
export function addOrchSimulate(orch: Command, register: Register): void {
  register(
    orch
      .command('simulate <name> [args...]')
      .summary('run an orchestration on hosts that do not exist, and see how many servers stay in service')
      .option('--hosts <count>', 'how many hosts the largest family of the pillar has (app1, app2, …)', parseCount)
      .option('--fail <host@step>', 'what fails where: app17@start; may be given several times', collect, [])
      .option('--unreachable <host>', 'host or glob that nobody can reach; may be given several times', collect, [])
      .option('--slow <share>', 'share of the hosts that take ten times as long: 5%'),
    simulateRun,
  );
}

async function simulateRun(session: Session, words: readonly Argument[], options: Options): Promise<ExitCode> {
  const {
    test: _test,
    exclude: _exclude,
    ...request
  } = await readRunRequest([wordAt(words, 0), ...wordsAt(words, 1)], session.literalWords);
  const fail = (options.fail as readonly string[]).map(readFault);
  const unreachable = options.unreachable as string[];
  const client = await session.master();
  const simulation = await client.ask(
    'orch.simulate',
    {
      ...request,
      ...(typeof options.hosts === 'number' ? { hosts: options.hosts } : {}),
      ...(fail.length === 0 ? {} : { fail }),
      ...(unreachable.length === 0 ? {} : { unreachable }),
      ...(typeof options.slow === 'string' ? { slowShare: readShare(options.slow) } : {}),
    },
    { timeoutMs: session.flags.timeoutMs ?? WITHIN_MS },
  );
  await emit(session, simulation, () => shown(simulation));
  return simulation.exitCode as ExitCode;
}

function shown({ timeline, pools, outcome, exitCode, reason, tookMs, hosts, steps }: Simulation): string {
  const lines = timeline.map(({ atMs, text }) => `${formatDuration(atMs).padStart(9)}  ${text}`);
  const capacity = Object.entries(pools).map(
    ([name, { members, lowest, atMs }]) =>
      `${name}: never fewer than ${lowest} of ${members} members in service${lowest < members ? ` (first after ${formatDuration(atMs)})` : ''}`,
  );
  const why = reason === undefined ? '' : `: ${reason}`;
  const end = `${outcome}${why}, exit code ${exitCode}; ${steps} steps on ${hosts} hosts in ${formatDuration(tookMs)}`;
  return `${[...lines, '', ...capacity, `Simulated: ${end}. Nothing was touched.`].join('\n')}\n`;
}

function readFault(text: string): { host: string; step: string } {
  const at = text.indexOf('@');
  if (at > 0 && at < text.length - 1) return { host: text.slice(0, at), step: text.slice(at + 1) };
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `--fail ${text} does not say what fails where`,
    {},
    { hint: 'Write --fail app17@start: a host or glob, and a part of the ids or functions of steps.' },
  );
}

function readShare(text: string): number {
  const [, digits] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  const share = Number(digits) / 100;
  if (share >= 0 && share <= 1) return share;
  throw new EdgeError('EDGE_BAD_ARGUMENT', `--slow ${text} is no share`, {}, { hint: 'Write --slow 5%.' });
}
