import type { InstantMs } from '@edge-run/shared/kernel';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';

/** How long targets of a job are waited for. */
export interface GatherSettings {
  /** A minion without connection for this long is unreachable. Default 3,000. */
  readonly unreachableAfterMs: number;
  /** A minion that answers no question for this long is unreachable, though its connection stands. Default 6,000. */
  readonly muteAfterMs: number;
  /**
   * One that said it runs the job, or whose fellows are just returning it, may be too busy to answer for this long.
   * Default 12,000.
   */
  readonly busyAfterMs: number;
  /** After this connection came back, minions have this long to come back too. Default 8,000. */
  readonly settleMs: number;
  /** From this many targets on the missing are not asked so soon: the returns say soon enough. Default 200. */
  readonly manyTargets: number;
}

/** The waits where nothing else is told. */
export const GATHER_DEFAULTS: GatherSettings = {
  unreachableAfterMs: 3_000,
  muteAfterMs: 6_000,
  busyAfterMs: 12_000,
  settleMs: 8_000,
  manyTargets: 200,
};

/** What is known of a target that has no end. */
export interface Outstanding {
  /** Nobody listens since; undefined while somebody does. */
  silentSince: InstantMs | undefined;
  /** It listens and does not answer since. */
  muteSince: InstantMs | undefined;
  /** Questions in a row that it did not answer. */
  unanswered: number;
  /** It said that it has the job in hand. */
  isRunning: boolean;
  resends: number;
  /** It said it was done, but its return has not come. */
  saidEnded: number;
  /** When it last said that the job waits there for others to end. */
  queuedAt: InstantMs | undefined;
}

/** What a target is judged by, beside what is known of it. */
export interface Situation {
  readonly now: InstantMs;
  readonly fun: string;
  readonly issuedAt: InstantMs;
  readonly timeoutMs?: number;
  /** Since when the master's own connection stands. */
  readonly connectedSince: InstantMs;
  readonly settings: GatherSettings;
  /** When the last of the other targets ended; 0 before any has. */
  readonly lastAnswerAt: InstantMs;
  /** When somebody asked for the end of the job, and who. */
  readonly cancelled?: { readonly at: InstantMs; readonly by: string };
}

/** How often a job is sent to one that does not know it, and asked after with one that says it is done. */
export const MAX_RESENDS = 3;
/** A single answer may get lost. */
const MUTE_AFTER_QUESTIONS = 3;
/** Ends that follow each other closer than this say that the fleet is at work, and may be slow. */
const AT_WORK_MS = 3_000;
/** A minion ends its job itself at the limit; this is for one that cannot. */
const TIMEOUT_MARGIN_MS = 10_000;
const CANCEL_GRACE_MS = 7_000;

/** The end of a target that must be given up; undefined while there is hope. */
export function verdictOf(id: string, state: Outstanding, situation: Situation): JobTargetAnswer | undefined {
  const { now, fun, issuedAt, timeoutMs, connectedSince, settings, cancelled } = situation;
  const { silentSince, muteSince, resends, saidEnded, queuedAt } = state;
  if (cancelled !== undefined && now - cancelled.at > CANCEL_GRACE_MS)
    return unanswered('cancelled', 130, `cancelled by ${cancelled.by}; ${id} has not confirmed that it stopped`);
  const hasSettled = now - connectedSince >= settings.settleMs || connectedSince <= issuedAt;
  const silentMs = silentSince === undefined ? 0 : now - silentSince;
  if (silentMs >= settings.unreachableAfterMs && hasSettled)
    return unanswered('unreachable', 1, `${id} has had no connection for ${seconds(silentMs)}`);
  if (timeoutMs !== undefined && now - (queuedAt ?? issuedAt) > timeoutMs + TIMEOUT_MARGIN_MS)
    return unanswered('timed-out', 124, `${fun} did not end within ${seconds(timeoutMs)} on ${id}`);
  const muteMs = muteSince === undefined ? 0 : now - muteSince;
  const isBusy = state.isRunning || now - situation.lastAnswerAt < AT_WORK_MS;
  const muteForMs = isBusy ? settings.busyAfterMs : settings.muteAfterMs;
  if (state.unanswered >= MUTE_AFTER_QUESTIONS && muteMs >= muteForMs)
    return unanswered('unreachable', 1, muteEvidence(id, fun, state, muteMs));
  if (resends > MAX_RESENDS) return unanswered('no-return', 1, `${id} is connected and does not know the job`);
  if (saidEnded > MAX_RESENDS)
    return unanswered('no-return', 1, `${id} says it is done, but its return does not arrive`);
  return undefined;
}

function muteEvidence(id: string, fun: string, { unanswered: questions, isRunning }: Outstanding, ms: number): string {
  const before = isRunning ? `; before that it said that it runs ${fun}` : '';
  return `${id} has not answered ${questions} questions in ${seconds(ms)}, though its connection is not closed${before}`;
}

function unanswered(outcome: JobTargetAnswer['outcome'], retcode: number, evidence: string): JobTargetAnswer {
  return { outcome, retcode, evidence };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
