import type { JsonValue } from '@edge-run/shared/kernel';
import type { FleetNode } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { groupByAnswer } from '@edge-run/shared/view';
import type { Command } from 'commander';
import { isMachineFormat } from '../flags.ts';
import { emitData, emitList } from '../output/emit.ts';
import type { Column } from '../output/table.ts';
import { formatWhen } from '../output/times.ts';
import { formatValue, plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { addTargetFlags, readTarget } from '../target.ts';
import { explainPillar } from './explain-pillar.ts';
import { type Options, type Register, textOption, wordAt } from './registry.ts';

/** `nodes`, `pillar` and `grains`: who is there and what is known about them. */
export function addFleetCommands(program: Command, register: Register): void {
  const nodes = program.command('nodes').summary('minions and SSH targets');
  register(addTargetFlags(nodes.command('ls [target]')).summary('list them'), listNodes);
  addPillarCommands(program.command('pillar').summary('compiled pillars'), register);
  const grains = program.command('grains').summary('what hosts say about themselves');
  register(addTargetFlags(grains.command('ls <target>')).summary('print all grains'), (session, words, options) =>
    showGrains(session, words, options, undefined),
  );
  register(addTargetFlags(grains.command('get <target> <key>')).summary('print one grain'), (session, words, options) =>
    showGrains(session, words, options, wordAt(words, 1)),
  );
}

function addPillarCommands(pillar: Command, register: Register): void {
  const environments = (command: Command): Command =>
    addTargetFlags(command)
      .option('--pillarenv <name>', 'pillar environment')
      .option('--saltenv <name>', 'file environment');
  register(environments(pillar.command('show <target>')).summary('print whole pillars'), (session, words, options) =>
    showPillar(session, words, options, undefined),
  );
  register(
    environments(pillar.command('get <target> <key>')).summary('print the value at a path such as web:port'),
    (session, words, options) => showPillar(session, words, options, wordAt(words, 1)),
  );
  register(
    addTargetFlags(pillar.command('explain <target> <key> [words...]'))
      .option('--pillarenv <name>', 'pillar environment')
      .summary("say where a value comes from; pillar='{…}' is laid over it"),
    explainPillar,
  );
}

function nodeColumns(session: Session): readonly Column<FleetNode>[] {
  const view = { now: session.io.clock.now(), relative: session.io.stdout.isTty };
  return [
    { name: 'id', value: (row) => row.id },
    {
      name: 'state',
      value: (row) => row.state,
      paint: ({ state }, style) =>
        state === 'connected' ? style.green : state === 'disconnected' ? style.red : style.dim,
    },
    { name: 'kind', value: (row) => row.kind },
    { name: 'os', value: (row) => row.os ?? '-' },
    { name: 'version', value: (row) => row.version ?? '-' },
    { name: 'address', value: (row) => row.address ?? '-', wide: true },
    { name: 'seen', value: (row) => formatWhen(row.lastSeenAt, view) },
    { name: 'grains', value: (row) => formatWhen(row.grainsAsOf, view), wide: true },
  ];
}

async function listNodes(session: Session, words: Parameters<typeof wordAt>[0], options: Options): Promise<ExitCode> {
  const expr = wordAt(words, 0);
  const request = expr === '' ? {} : { target: readTarget(expr, options) };
  const { nodes } = await (await session.master()).ask('nodes.ls', request);
  await emitList(session, {
    rows: nodes,
    columns: nodeColumns(session),
    nameOf: (row) => row.id,
    none: 'nobody; see who waits to be let in: edge-run keys ls --pending',
  });
  return EXIT.done;
}

async function showPillar(
  session: Session,
  words: Parameters<typeof wordAt>[0],
  options: Options,
  key: string | undefined,
): Promise<ExitCode> {
  const { values } = await (await session.master()).ask('pillar.show', {
    target: readTarget(wordAt(words, 0), options),
    ...(key === undefined ? {} : { key }),
    ...textOption(options, 'pillarenv'),
    ...textOption(options, 'saltenv'),
  });
  return printValues(session, values);
}

async function showGrains(
  session: Session,
  words: Parameters<typeof wordAt>[0],
  options: Options,
  key: string | undefined,
): Promise<ExitCode> {
  const target = readTarget(wordAt(words, 0), options);
  const answer = await (await session.master()).ask('grains.ls', { target, ...(key === undefined ? {} : { key }) });
  const now = session.io.clock.now();
  for (const id of Object.keys(answer.values)) {
    const at = answer.asOf[id];
    if (at === undefined) session.note(`! ${id} has never told its grains`);
    else if (now - at > STALE_GRAINS_MS)
      session.note(`! grains of ${id} as of ${formatWhen(at, { now, relative: true })}`);
  }
  return printValues(session, answer.values);
}

/** Hosts tell their grains every ten minutes unless told otherwise. */
const STALE_GRAINS_MS = 30 * 60_000;

/** Values by id; hosts with equal ones share a block. */
async function printValues(session: Session, values: Readonly<Record<string, JsonValue>>): Promise<ExitCode> {
  if (isMachineFormat(session.flags.out)) {
    await emitData(session, Object.fromEntries(Object.entries(values).map(([id, value]) => [id, plainJson(value)])));
    return EXIT.done;
  }
  for (const { label, ids, answer } of groupByAnswer(Object.entries(values))) {
    const count = ids.length > 1 ? `   (${ids.length} hosts)` : '';
    const lines = formatValue(answer).map((line) => `  ${line}\n`);
    session.io.stdout.write(`${session.style.bold(label)}${count}\n${lines.join('')}`);
  }
  if (Object.keys(values).length === 0) session.note('! nobody selected; see who is there: edge-run nodes ls');
  return Object.keys(values).length === 0 ? EXIT.failed : EXIT.done;
}
