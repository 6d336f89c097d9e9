import { EdgeError, formatDuration, type InstantMs, toErrorRecord } from '@edge-run/shared/kernel';
import type { StartAction } from './decide-run.ts';
import type { DriverPorts } from './driver-ports.ts';
import type { RunRecord } from './run-record.ts';
import type { StepAnswer } from './step-kind.ts';

/** How long a step that was given up may take to notice. */
const GIVE_UP_MS = 10_000;

/** What doing a step takes. */
export type StepWorkPorts = Pick<DriverPorts, 'executeStep' | 'fence' | 'clock'>;

/**
 * Does a step, within its deadline where it has one, counted from when it first started. Never throws: what goes wrong is
 * an answer. A step that does not notice that it was given up is left behind.
 */
export function doStep(
  record: RunRecord,
  action: StartAction,
  startedAt: InstantMs,
  ports: StepWorkPorts,
  signal: AbortSignal,
): Promise<StepAnswer> {
  const deadlineMs = record.stored.settings[action.step]?.deadlineMs;
  const work = (stop: AbortSignal): Promise<StepAnswer> => execute(record, action, ports, stop);
  return deadlineMs === undefined ? work(signal) : within(deadlineMs, startedAt, work, ports, signal);
}

async function execute(
  record: RunRecord,
  action: StartAction,
  ports: StepWorkPorts,
  signal: AbortSignal,
): Promise<StepAnswer> {
  try {
    await ports.fence(signal);
    return await ports.executeStep(record, action, signal);
  } catch (error) {
    return faultAnswer(error);
  }
}

async function within(
  deadlineMs: number,
  startedAt: InstantMs,
  begin: (signal: AbortSignal) => Promise<StepAnswer>,
  { clock }: StepWorkPorts,
  signal: AbortSignal,
): Promise<StepAnswer> {
  const late = new AbortController();
  const over = new AbortController();
  const text = `the step did not end within ${formatDuration(deadlineMs)}`;
  const expiry = async (): Promise<StepAnswer> => {
    await clock.sleep(Math.max(0, startedAt + deadlineMs - clock.now()), over.signal);
    late.abort(new EdgeError('EDGE_DEADLINE', text));
    await clock.sleep(GIVE_UP_MS, over.signal);
    return { result: false, changes: null, comment: `EDGE_DEADLINE: ${text}, nor stop when it was told to` };
  };
  const work = begin(AbortSignal.any([signal, late.signal]));
  try {
    const answer = await Promise.race([work, expiry().catch(() => work)]);
    if (!late.signal.aborted || answer.result !== false) return answer;
    const comment = answer.comment.includes(text) ? answer.comment : `EDGE_DEADLINE: ${text}. ${answer.comment}`;
    return { ...answer, timedOut: true, comment };
  } finally {
    over.abort();
  }
}

function faultAnswer(error: unknown): StepAnswer {
  const { code, message, hint } = toErrorRecord(error);
  return { result: false, changes: null, comment: `${code}: ${message}${hint === undefined ? '' : ` ${hint}`}` };
}
