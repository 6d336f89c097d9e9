import type { HostRuntime } from '@edge-run/shared/execute';
import type { Clock, InstantMs, Logger } from '@edge-run/shared/kernel';
import type { StateModule } from '@edge-run/shared/modules/contract';
import { STEPS_NAME } from '@edge-run/shared/orchestration';
import type { StepProgress } from '@edge-run/shared/protocol';
import { type Chunk, resumeRun, runStep, type StateReturn, type StepKey } from '@edge-run/shared/state';
import { PyMap, type Redactor, type Value } from '@edge-run/shared/values';
import type { StartAction } from './decide-run.ts';
import type { DriverPorts } from './driver-ports.ts';
import { foresightOf } from './foresight.ts';
import { foreseenOf, isOpenStep, planOpenStep } from './plan-step.ts';
import { redactAnswer, redactorOf } from './redact-answer.ts';
import { fillLate, registeredValues } from './registers.ts';
import type { RunRecord } from './run-record.ts';
import { revealStep } from './secret-steps.ts';
import type { RunIdentity, StepAnswer, StepContext, StepKind, StepPorts } from './step-kind.ts';
import { asState, stepJobId } from './step-states.ts';

/** What the steps of runs are executed with. */
export interface StepExecutorOptions {
  readonly kinds: readonly StepKind[];
  /** The master's own host: ordinary states and guards of an orchestration run there. */
  readonly runtime: HostRuntime;
  readonly ports: StepPorts;
  /** Keeps the files as they are now, and answers with the digest of their bundle. */
  takeBundle?(saltenv: string): Promise<string>;
  publishProgress(progress: StepProgress): void;
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1), for the splay of retries. */
  readonly random: () => number;
}

/** Makes what runs one step of a run: step kinds through their ports, other states on the master's own host. */
export function createStepExecutor(options: StepExecutorOptions): DriverPorts['executeStep'] {
  return async (record, action, signal) => {
    const redactor = redactorOf(record.stored);
    try {
      return redactAnswer(await executeStep(options, redactor, { record, action, signal }), redactor);
    } catch (error) {
      throw redactor.error(error);
    }
  };
}

async function executeStep(
  options: StepExecutorOptions,
  redactor: Redactor,
  { record, action, signal }: Pick<Execution, 'record' | 'action' | 'signal'>,
): Promise<StepAnswer> {
  const { nodes, runNodes } = record.state.graph;
  const chunkOf = (key: StepKey): Chunk | undefined => nodes[runNodes.get(key) ?? -1]?.chunk;
  const sealed = chunkOf(action.step)!;
  const kind = options.kinds.find(({ name }) => name === `${sealed.state}.${sealed.fun}`);
  const planned = redactor.isNeeded ? revealStep(sealed, kind !== undefined) : sealed;
  const identity = identityOf(record);
  let kept: Pick<StepAnswer, 'hosts' | 'foreseen'> = {};
  let attempt = 0;
  const contextOf = (): StepContext => {
    attempt += 1;
    return stepContext({ record, identity, action, tries: attempt, signal, redactor }, options);
  };
  const onAnswer = ({ hosts, foreseen }: StepAnswer): void => {
    kept = { ...(hosts === undefined ? {} : { hosts }), ...(foreseen === undefined ? {} : { foreseen }) };
  };
  const { functions } = options.runtime.catalog;
  const isLate = isOpenStep(planned);
  const foresight = identity.testing ? foresightOf(record, { functions, isLate }) : undefined;
  if (foresight?.isLate === true) {
    return planOpenStep(planned, kind, contextOf(), foresight);
  }
  const states = new Map<string, StateModule>(options.runtime.catalog.states);
  for (const kind of options.kinds) states.set(kind.name, asState(kind, { contextOf, foresight, onAnswer }));
  const files = record.bundle === undefined ? undefined : options.runtime.options.filesOf?.(record.bundle);
  const { ctx, renderRequest } = await options.runtime.workplace({
    ...(files === undefined ? {} : { files }),
    signal,
    log: options.log,
    redactor,
    saltenv: identity.saltenv,
    ...(identity.pillarenv === undefined ? {} : { pillarenv: identity.pillarenv }),
  });
  // The pillar is the one the plan was made with, whatever it is by now.
  const pillar = options.runtime.viewPillar(identity.pillar);
  // Decoding what was registered takes longer the more there is: only for a step that uses it.
  let variables: ReadonlyMap<string, Value> | undefined;
  const registered = (): ReadonlyMap<string, Value> => {
    variables ??= new Map([[STEPS_NAME, registeredValues({ ...record, settings: record.stored.settings })]]);
    return variables;
  };
  const chunk = await fillLate(planned, (text) =>
    options.runtime.options.renderText(renderRequest(text, planned.place?.file ?? planned.sls, registered())),
  );
  const { answer, calls } = await runStep(chunk, action.mode, {
    states,
    context: { ...ctx, pillar },
    testing: identity.testing,
    clock: options.clock,
    random: options.random,
    chunkOf,
  });
  const foreseen = foresight === undefined ? {} : { foreseen: kept.foreseen ?? foreseenOf(answer) };
  const moved = mayMoveFiles(chunk, answer, options.kinds) ? await movedBundle(record, options) : {};
  return { ...answer, calls, ...kept, ...foreseen, ...moved };
}

/** Runners that bring new files. */
const FILE_RUNNERS = /^(fileserver|git_pillar|salt)\./;

/** True for a step that did something on the master by which its files may be others now. */
function mayMoveFiles(
  { state, fun, name }: Chunk,
  { result, changes }: StateReturn,
  kinds: StepExecutorOptions['kinds'],
): boolean {
  if (result !== true) return false;
  if (state === 'salt' && (fun === 'runner' || fun === 'wheel')) return FILE_RUNNERS.test(String(name));
  const isKind = kinds.some((kind) => kind.name === `${state}.${fun}`);
  return !isKind && changes instanceof PyMap && changes.size > 0;
}

/** What a run itself changes is what its next steps see: a checkout of the states, say. */
async function movedBundle(
  { bundle, inputs }: RunRecord,
  { takeBundle }: StepExecutorOptions,
): Promise<Pick<StepAnswer, 'bundle'>> {
  if (bundle === undefined || takeBundle === undefined || inputs.test) return {};
  const now = await takeBundle(inputs.saltenv);
  return now === bundle ? {} : { bundle: now };
}

function identityOf(record: RunRecord): RunIdentity {
  const { id, epoch, bundle, stored, inputs } = record;
  return {
    id,
    ofJob: { id, epoch, ...(bundle === undefined ? {} : { bundle }) },
    pillar: stored.pillar,
    saltenv: inputs.saltenv,
    pillarenv: inputs.pillarenv,
    testing: inputs.test,
    dropped: record.dropped,
  };
}

/** Steps that wait for events themselves. */
const WAITS_FOR_EVENT = /^(salt\.wait_for_event|wait_until\.event)$/;

function eventsSince({ begunAt, lastDone, state }: RunRecord, startedAt: InstantMs | undefined): InstantMs | undefined {
  // Steps side by side: what has ended since says nothing about when this one began to wait.
  if (lastDone === undefined || (startedAt !== undefined && lastDone.endedAt > startedAt)) return startedAt ?? begunAt;
  const { chunk } = state.graph.nodes[state.graph.runNodes.get(lastDone.step)!]!;
  return WAITS_FOR_EVENT.test(`${chunk.state}.${chunk.fun}`) ? lastDone.endedAt + 1 : lastDone.startedAt;
}

interface Execution {
  readonly record: RunRecord;
  readonly identity: RunIdentity;
  readonly action: StartAction;
  /** How often it was tried in this attempt, by its own `retry`. */
  readonly tries: number;
  readonly signal: AbortSignal;
  readonly redactor: Redactor;
}

function stepContext(
  { record, identity, action, tries, signal, redactor }: Execution,
  options: StepExecutorOptions,
): StepContext {
  const { ports, log, clock, publishProgress } = options;
  const { step, mode, attempt } = action;
  const started = resumeRun(record.state).find((one) => one.step === step && one.mode === mode);
  const round = attempt === 1 ? String(tries) : `${attempt}.${tries}`;
  return {
    run: identity,
    step,
    onlyHosts: record.onlyHosts.get(step),
    jid: stepJobId(record.id, step, mode, round),
    startedAt: started?.startedAt,
    eventsSince: eventsSince(record, started?.startedAt),
    ports,
    signal,
    log: redactor.logger(log),
    report: (phase, detail, host) =>
      publishProgress({
        type: 'step-progress',
        run: record.id,
        at: clock.now(),
        step,
        phase,
        ...(detail === undefined ? {} : { detail: redactor.text(detail) }),
        ...(host === undefined ? {} : { host }),
      }),
  };
}
