import { dirname } from 'node:path';
import type { JsonValue } from '@edge-run/shared/kernel';
import { EdgeError } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { embeddedContextFile } from '../connection.ts';
import { emit } from '../output/emit.ts';
import { renderPairs } from '../output/table.ts';
import { formatAge } from '../output/times.ts';
import { confirm, type Session } from '../session.ts';
import type { StackReport } from '../stack/contract.ts';
import { type Options, type Register, textOption } from './registry.ts';

/** `up`, `down` and `status`: the embedded stack, and how the master is. */
export function addStackCommands(program: Command, register: Register): void {
  register(
    program
      .command('up')
      .summary('start an embedded master, its NATS server and the local fleet')
      .option('--ephemeral', 'keep nothing')
      .option('--foreground', 'stay here until Ctrl-C')
      .option('--project <dir>', 'directory with states/, pillars/ and orch/'),
    startStack,
  );
  register(program.command('down').summary('stop what `up` started'), stopStack);
  register(program.command('status').summary('how the master and its fleet are'), showStatus);
}

async function startStack(session: Session, _: unknown, options: Options): Promise<ExitCode> {
  const { io, flags } = session;
  const stack = await io.loadStack();
  const { report, ended } = await stack.up({
    dir: dirname(embeddedContextFile(io)),
    ephemeral: options.ephemeral === true,
    foreground: options.foreground === true,
    cwd: io.cwd,
    ...textOption(options, 'project'),
    ...(flags.natsUrl === undefined ? {} : { natsUrl: flags.natsUrl }),
  });
  await emit(session, report as unknown as JsonValue, () => reportText(report));
  await ended;
  return EXIT.done;
}

function reportText(report: StackReport): string {
  const pairs: [string, string][] = [
    ['data', report.dir],
    ['nats', report.nats.detail],
    ...report.minions.map(({ id, detail }): [string, string] => ['minion', `${id}  ${detail}`.trimEnd()]),
    ...(report.api === undefined
      ? []
      : [['api', `${report.api.url}   token in ${report.api.tokenFile}`] as [string, string]]),
    ...(report.console === undefined
      ? []
      : [['console', `${report.console.url}   token in ${report.console.tokenFile}`] as [string, string]]),
    ['project', report.project ?? 'none found here; create states/, pillars/ and orch/'],
  ];
  const ready = report.readyMs === undefined ? 'runs already.' : `ready in ${(report.readyMs / 1000).toFixed(1)} s.`;
  return `edge-run ${report.version}  embedded mode (not for production)\n${renderPairs(pairs)}${ready}  Try:  edge-run '*' test.ping        edge-run down  ends it\n`;
}

async function stopStack(session: Session): Promise<ExitCode> {
  const { io } = session;
  const dir = dirname(embeddedContextFile(io));
  const stack = await io.loadStack();
  const running = await stack.status({ dir });
  if (running !== undefined && io.stdin.isTty && session.flags.input && !session.flags.yes) {
    await confirm(session, `Stop the embedded master in ${dir} and its hosts?`);
  }
  const stopped = await stack.down({ dir });
  await emit(session, { stopped }, () => (stopped ? 'stopped\n' : 'nothing ran here\n'));
  return EXIT.done;
}

async function showStatus(session: Session): Promise<ExitCode> {
  const client = await session.master();
  const answer = await client
    .ask('status', {}, { timeoutMs: session.flags.timeoutMs ?? 5_000 })
    .catch((error: unknown) => {
      throw error instanceof EdgeError && error.code === 'EDGE_BUS_TIMEOUT'
        ? new EdgeError(
            'EDGE_MASTER_UNREACHABLE',
            `the master on ${client.context.url} does not answer`,
            {},
            { hint: "Start it again: 'edge-run down', then 'edge-run up'.", cause: error },
          )
        : error;
    });
  const { master, minions, runs } = answer;
  const up = formatAge(session.io.clock.now() - master.startedAt);
  await emit(session, { context: client.context.name, url: client.context.url, ...answer }, () =>
    renderPairs(
      [
        ['context', `${client.context.name}  ${client.context.url}`],
        ['master', `${master.id}  ${master.version}  up ${up}`],
        ['minions', `${minions.connected} of ${minions.accepted} connected, ${minions.pending} waiting to be let in`],
        ['runs', `${runs.running} running, ${runs.waiting} waiting, ${runs.orphaned} orphaned`],
        ...(answer.api === undefined ? [] : [['api', answer.api] as const]),
        ...(answer.console === undefined ? [] : [['console', answer.console] as const]),
      ],
      '',
    ),
  );
  return EXIT.done;
}
