import { EdgeError, errorMessage, type InstantMs } from '@edge-run/shared/kernel';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { type JobMessage, jobReceipt, type ReturnMessage, SUBJECTS } from '@edge-run/shared/protocol';
import type { AskGates, BatchGate } from './batch-gate.ts';
import {
  type BatchDecision,
  type BatchEvent,
  type BatchSettings,
  type BatchState,
  beginBatch,
  decideBatch,
  evolveBatch,
} from './batch-plan.ts';
import type { BatchProgress, BatchWave, GateVerdict } from './batch-progress.ts';
import { countedOutcome, notStarted } from './batch-run.ts';
import type { JobDrive } from './drive.ts';
import { answerOf, Gather, type GatherOptions } from './gather.ts';

/** How long a minion may take to get a job it was sent. */
export const DELIVERY_MS = 60_000;
/** A wave on record is one value of at most a megabyte. */
const WAVE_AT_MOST = 5_000;
const RETRY_MS = 1_000;
const ASK_WITHIN_MS = 2_000;
const CANCELLED_BY = 'cancelled by ';
const SECRETS_ARE_GONE = 'its arguments hold secrets, which a restarted master does not have';

/** A job that goes through its targets a few at a time. */
export interface BatchDriveOptions
  extends Omit<GatherOptions, 'targets' | 'message' | 'issuedAt' | 'expiresAt' | 'onAnswer'> {
  /** Every target, in the order in which they are started. */
  readonly targets: readonly string[];
  readonly batch: BatchSettings;
  /** The job but for its targets and times; absent after a restart when it held secrets, which are not kept. */
  readonly message?: JobMessage;
  /** What has to succeed behind each batch; absent where `message` is. */
  readonly gates?: readonly BatchGate[];
  readonly askGates: AskGates;
  readonly progress: BatchProgress;
  readonly onAnswer: GatherOptions['onAnswer'];
}

/**
 * Starts targets as places become free and brings each to exactly one end. Who was started is on record before he is
 * told, and what he is told can be made again word for word, so that the next master goes on where this one was killed:
 * a target that has started is only followed, one that has not is started, and a job that comes twice runs once.
 */
export class BatchDrive implements JobDrive {
  readonly #options: BatchDriveOptions;
  readonly #targets: ReadonlySet<string>;
  readonly #answers = new Map<string, JobTargetAnswer>();
  /** Host id → what follows it. */
  readonly #gathers = new Map<string, Gather>();
  readonly #work = new Set<Promise<void>>();
  #waves = 0;
  #message: JobMessage | undefined;
  #gates: readonly BatchGate[];
  /** Aborts the question to a gate when the job is cancelled. */
  readonly #asking = new AbortController();
  #state: BatchState;
  #cancelledBy: string | undefined;
  #stopIsKept = false;
  #wake: () => void = () => {};
  #isWoken = false;

  constructor(options: BatchDriveOptions) {
    this.#options = options;
    this.#targets = new Set(options.targets);
    this.#message = options.message;
    this.#gates = options.gates ?? [];
    this.#state = beginBatch(options.targets, options.batch);
  }

  get answers(): ReadonlyMap<string, JobTargetAnswer> {
    return this.#answers;
  }

  /** A person who cancels is no reason of the batch's own. */
  get stopped(): string | undefined {
    const { stopped } = this.#state;
    return stopped?.startsWith(CANCELLED_BY) === true ? undefined : stopped;
  }

  take(answer: ReturnMessage): void {
    this.#gathers.get(answer.id)?.take(answer);
  }

  async cancel(by: string): Promise<void> {
    if (this.#cancelledBy !== undefined) return;
    this.#cancelledBy = by;
    this.#fold({ type: 'stopped', because: `${CANCELLED_BY}${by}` });
    this.#asking.abort(new EdgeError('EDGE_CANCELLED', `${CANCELLED_BY}${by}`));
    // On record before anybody is asked: the next master must not go on with a job somebody stopped.
    await this.#keepStop().catch((error: unknown) => {
      const { jid, log } = this.#options;
      log.warn(`the stop of job ${jid} is not on record yet: ${errorMessage(error)}`, { jid });
    });
    await Promise.all([...new Set(this.#gathers.values())].map((gather) => gather.cancel(by)));
  }

  connectionChanged(up: boolean): void {
    for (const gather of new Set(this.#gathers.values())) gather.connectionChanged(up);
  }

  /** Whoever asks for the job again gives it with all its arguments, and with the epoch that its run has now. */
  adopt(message: JobMessage, gates: readonly BatchGate[]): void {
    this.#message = message;
    this.#gates = gates;
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#rouse();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (this.#options.reattached) await this.#untilDone(() => this.#takeUp(signal), signal);
      while (!signal.aborted) {
        const { start, batch, skip, gate, wakeAt, isOver } = decideBatch(this.#state, this.#options.clock.now());
        if (isOver) break;
        if (start.length > 0)
          await this.#untilDone(() => this.#start(start.slice(0, WAVE_AT_MOST), batch, signal), signal);
        else if (gate !== undefined) await this.#untilDone(() => this.#passGate(gate, signal), signal);
        else if (skip.length > 0) await this.#untilDone(() => this.#skip(skip), signal);
        else await this.#pause(wakeAt, signal);
      }
      await Promise.all(this.#work);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #start(ids: readonly string[], batch: number | undefined, signal: AbortSignal): Promise<void> {
    const { jid, progress, clock } = this.#options;
    if (this.#message === undefined) {
      this.#fold({ type: 'stopped', because: SECRETS_ARE_GONE });
      return;
    }
    const wave: BatchWave = { ids, issuedAt: clock.now(), batch, run: this.#message.run };
    if (!(await progress.wave(jid, this.#waves, wave))) {
      await this.#takeUp(signal);
      return;
    }
    this.#waves += 1;
    this.#fold({ type: 'started', ids, batch });
    this.#follow(wave, ids, false, signal);
  }

  /** Its verdict is on record before anything follows from it, so that it is the next master's too. */
  async #passGate(gate: NonNullable<BatchDecision['gate']>, signal: AbortSignal): Promise<void> {
    const { jid, progress, askGates } = this.#options;
    const message = this.#message;
    if (message === undefined) {
      this.#fold({ type: 'stopped', because: SECRETS_ARE_GONE });
      return;
    }
    const problem = await askGates(this.#gates, { ...gate, message }, this.#asking.signal).catch((error: unknown) => {
      if (this.#asking.signal.aborted) return undefined; // the batch is stopped by that
      throw error;
    });
    if (this.#asking.signal.aborted || signal.aborted) return;
    const verdict: GateVerdict = problem === undefined ? {} : { problem };
    if (await progress.gate(jid, gate.batch, verdict)) this.#judge(gate.batch, verdict);
    else await this.#takeUp(signal);
    await this.#keepStop();
  }

  #judge(batch: number, { problem }: GateVerdict): void {
    if (problem === undefined) this.#fold({ type: 'gate-passed', batch });
    else this.#fold({ type: 'stopped', because: problem });
  }

  /** Gives those who will never be started their end. */
  async #skip(ids: readonly string[]): Promise<void> {
    await this.#keepStop();
    for (const id of ids) this.#settle(id, notStarted(this.#state.stopped!));
    this.#fold({ type: 'skipped', ids });
  }

  /** Goes on where a former master was, or where another one is ahead. */
  async #takeUp(signal: AbortSignal): Promise<void> {
    const { jid, progress, returns, clock } = this.#options;
    const { waves, ends, gates, stopped } = await progress.read(jid);
    const returned = await returns.read(jid);
    const added = waves.slice(this.#waves);
    this.#waves = waves.length;
    for (const { ids, batch } of added) this.#fold({ type: 'started', ids, batch });
    if (stopped !== undefined) {
      this.#stopIsKept = true;
      this.#fold({ type: 'stopped', because: stopped });
    }
    for (const [id, answer] of ends) this.#settle(id, answer);
    for (const answer of returned) this.#settle(answer.id, answerOf(answer));
    for (const [batch, verdict] of gates) this.#judge(batch, verdict);
    const neverTold: string[] = [];
    for (const wave of added) {
      const open = wave.ids.filter((id) => !this.#answers.has(id));
      const isLate = wave.issuedAt + DELIVERY_MS < clock.now();
      const lost = isLate ? await this.#whoDoesNotKnow(open) : [];
      neverTold.push(...lost);
      const followed = open.filter((id) => !lost.includes(id));
      if (followed.length > 0) this.#follow(wave, followed, true, signal);
    }
    if (neverTold.length > 0) this.#fold({ type: 'put-back', ids: neverTold });
  }

  /**
   * Those who say that they do not know the job. Its time to be delivered is over, so it cannot come to them any more:
   * they were on record and never told.
   */
  async #whoDoesNotKnow(ids: readonly string[]): Promise<readonly string[]> {
    const { bus, jid } = this.#options;
    const asked = ids.map(async (id) => {
      const answer = await bus
        .request(SUBJECTS.job(id), { kind: 'find', jid }, { timeoutMs: ASK_WITHIN_MS })
        .catch((error: unknown) => {
          if (error instanceof EdgeError) return undefined; // whoever does not answer now is followed like the others
          throw error;
        });
      const receipt = jobReceipt.safeParse(answer);
      return receipt.success && receipt.data.state === 'unknown' ? [id] : [];
    });
    return (await Promise.all(asked)).flat();
  }

  #follow(wave: BatchWave, ids: readonly string[], reattached: boolean, signal: AbortSignal): void {
    const expiresAt = wave.issuedAt + DELIVERY_MS;
    const message = this.#messageOf(wave);
    const gather = new Gather({
      ...{ ...this.#options, targets: ids, issuedAt: wave.issuedAt, expiresAt, reattached },
      ...(message === undefined ? {} : { message }),
      onAnswer: (id, answer) => {
        this.#settle(id, answer);
        if (isGivenUp(answer)) this.#inBackground(this.#keepEnd(id, answer));
      },
    });
    for (const id of ids) this.#gathers.set(id, gather);
    this.#inBackground(gather.run(signal));
    if (this.#cancelledBy !== undefined) this.#inBackground(gather.cancel(this.#cancelledBy));
  }

  /** What the targets of a wave get: the same text each time it is made. */
  #messageOf({ ids, issuedAt, run }: BatchWave): JobMessage | undefined {
    if (this.#message === undefined) return undefined;
    const { run: _, ...message } = this.#message;
    const job = { ...message, targets: [...ids], issuedAt, expiresAt: issuedAt + DELIVERY_MS };
    return run === undefined ? job : { ...job, run };
  }

  #settle(id: string, answer: JobTargetAnswer): void {
    if (this.#answers.has(id) || !this.#targets.has(id)) return;
    this.#answers.set(id, answer);
    this.#gathers.delete(id);
    this.#options.onAnswer(id, answer);
    this.#fold({ type: 'ended', id, outcome: countedOutcome(answer), at: this.#options.clock.now() });
  }

  #fold(event: BatchEvent): void {
    this.#state = evolveBatch(this.#state, event);
    this.#rouse();
  }

  async #keepStop(): Promise<void> {
    const { stopped } = this.#state;
    if (stopped === undefined || this.#stopIsKept) return;
    await this.#options.progress.stopped(this.#options.jid, stopped);
    this.#stopIsKept = true;
  }

  /** No return says so: without a record the next master would come to another end. */
  async #keepEnd(id: string, answer: JobTargetAnswer): Promise<void> {
    await this.#options.progress.ended(this.#options.jid, id, answer);
  }

  #inBackground(work: Promise<void>): void {
    const { jid, log } = this.#options;
    const done = work
      .catch((error: unknown) => log.warn(`the batch of job ${jid}: ${errorMessage(error)}`))
      .finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  /** Does `work`, again after a pause while the broker does not take it, until `signal` aborts. */
  async #untilDone(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, jid, log } = this.#options;
    while (!signal.aborted) {
      try {
        await work();
        return;
      } catch (error) {
        log.warn(`the batch of job ${jid} does not go on: ${errorMessage(error)}`, { jid });
        await clock.sleep(RETRY_MS, signal).catch(() => undefined); // it only ends the pause
      }
    }
  }

  #rouse(): void {
    this.#isWoken = true;
    this.#wake();
  }

  async #pause(wakeAt: InstantMs | undefined, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const awake = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (!this.#isWoken && !signal.aborted) {
      const rested = wakeAt === undefined ? [] : [clock.sleep(Math.max(1, wakeAt - clock.now()), awake.signal)];
      await Promise.race([woken, ...rested.map((sleep) => sleep.catch(() => undefined))]);
    }
    this.#isWoken = false;
    awake.abort();
  }
}

/** True for an end that comes from no return: nobody answered, or the job was refused. */
function isGivenUp({ outcome, ret, evidence }: JobTargetAnswer): boolean {
  return outcome !== 'succeeded' && (ret === undefined || ret === evidence);
}
