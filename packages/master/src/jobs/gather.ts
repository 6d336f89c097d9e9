import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KeyPair } from '@edge-run/shared/bus';
import { type Bus, signBody } from '@edge-run/shared/bus';
import {
  type Clock,
  EdgeError,
  type ErrorRecord,
  errorMessage,
  type InstantMs,
  type Logger,
} from '@edge-run/shared/kernel';
import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import {
  type JobMessage,
  type JobReceipt,
  jobReceipt,
  type KillMessage,
  type ReturnMessage,
  SUBJECTS,
} from '@edge-run/shared/protocol';
import { decodeValue } from '@edge-run/shared/values';
import type { JobDrive } from './drive.ts';
import { Envelopes } from './envelopes.ts';
import type { Presence } from './presence.ts';
import type { ReturnStream } from './streams.ts';
import { type GatherSettings, MAX_RESENDS, type Outstanding, verdictOf } from './verdicts.ts';

/** The job whose targets are waited for, and what they are heard through. */
export interface GatherOptions {
  readonly jid: string;
  readonly fun: string;
  readonly targets: readonly string[];
  /** The job; absent after a restart when it held secrets, which are not kept. */
  readonly message?: JobMessage;
  readonly issuedAt: InstantMs;
  readonly expiresAt: InstantMs;
  readonly timeoutMs?: number;
  /** True when the job may have been published before: look first. */
  readonly reattached: boolean;
  readonly bus: Bus;
  readonly signer: KeyPair;
  readonly returns: ReturnStream;
  readonly presence?: Presence;
  /** Since when this master's own connection stands. */
  readonly connectedSince: () => InstantMs;
  readonly settings: GatherSettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once for each target, in order of arrival. */
  readonly onAnswer: (id: string, answer: JobTargetAnswer) => void;
}

/** Why a pause ends before its time; made once, since every job ends one. */
const AWAKE = new EdgeError('EDGE_CANCELLED', 'there is something to do');
const REQUEST_TIMEOUT_MS = 2_000;
const PROBES_AT_A_TIME = 200;
const PUBLISHED_AT_ONCE = 250;
const FIRST_LOOK_MS = 100;
const FIRST_LOOK_AT_MANY_MS = 1_000;
const LOOK_MS = 2_000;
const LOOK_AT_SILENT_MS = 250;
/** While returns follow each other closer than this, those who are connected are not asked where theirs is. */
const FLOW_MS = 750;
/** Everybody is asked from time to time, however the returns flow and however many they are. */
const LOOK_AT_ALL_MS = 10_000;
/** A question costs everybody nearly as much as the job: so many as are missing may be asked only so often. */
const PATIENCE_PER_TARGET_MS = 1;

/**
 * Publishes one job and brings every target to exactly one end. Returns arrive by `take`; whoever is missing is asked,
 * and nobody is given up before the stream was read once more.
 */
export class Gather implements JobDrive {
  readonly #options: GatherOptions;
  readonly #envelopes: Envelopes | undefined;
  readonly #outstanding = new Map<string, Outstanding>();
  readonly #answers = new Map<string, JobTargetAnswer>();
  readonly #done: Promise<void>;
  #finish: () => void = () => {};
  #cancelledAt: InstantMs | undefined;
  #cancelledBy = '';
  #lastAnswerAt: InstantMs = 0;
  #lookedAtAllAt: InstantMs;
  #wake: () => void = () => {};
  #mustLook = false;
  #connection = connectionScope();

  constructor(options: GatherOptions) {
    this.#options = options;
    this.#lookedAtAllAt = options.reattached ? 0 : options.clock.now();
    this.#envelopes = options.message === undefined ? undefined : new Envelopes(options.message, options.signer);
    this.#done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    for (const id of options.targets) {
      this.#outstanding.set(id, {
        silentSince: undefined,
        muteSince: undefined,
        unanswered: 0,
        isRunning: false,
        resends: 0,
        saidEnded: 0,
        queuedAt: undefined,
      });
    }
    if (this.#outstanding.size === 0) this.#finish();
  }

  /** Id → end, of those that have one. */
  get answers(): ReadonlyMap<string, JobTargetAnswer> {
    return this.#answers;
  }

  /** A return from the bus or the stream; anything unexpected or repeated is ignored. */
  take(answer: ReturnMessage): void {
    if (answer.jid === this.#options.jid) this.#settle(answer.id, answerOf(answer));
  }

  /** Asks all that still run to end. */
  async cancel(by: string): Promise<void> {
    if (this.#cancelledAt !== undefined) return;
    const { clock, signer, jid } = this.#options;
    this.#cancelledAt = clock.now();
    this.#cancelledBy = by;
    const kill: KillMessage = {
      kind: 'kill',
      jid,
      targets: [...this.#outstanding.keys()],
      by,
      issuedAt: clock.now(),
      expiresAt: clock.now() + 60_000,
    };
    const envelope = signBody(kill, signer);
    await this.#each([...this.#outstanding.keys()], async (id) => {
      await this.#ask(id, envelope);
    });
    this.#wake();
  }

  /**
   * Tells it that this master's own connection went or came back. Questions under way are dropped when it goes; when it
   * is back, the stream is read for what came meanwhile, and the missing are asked at once.
   */
  connectionChanged(up: boolean): void {
    if (!up) {
      this.#connection.abort();
      return;
    }
    this.#connection = connectionScope();
    this.#mustLook = true;
    this.#lookedAtAllAt = 0;
    void this.#readStream();
    this.#wake();
  }

  /** Until every target has its end; on `signal` it just stops watching, and the job goes on. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (this.#options.reattached) await this.#readStream();
      else await this.#deliver();
      let turn = 0;
      while (this.#outstanding.size > 0 && !signal.aborted) {
        await this.#pause(turn, signal);
        turn += 1;
        if (this.#outstanding.size > 0 && !signal.aborted) await this.#lookAtMissing();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Says it to everybody and asks nobody: the returns say soonest that it arrived. */
  async #deliver(): Promise<void> {
    const { targets, bus, jid, log } = this.#options;
    try {
      for (let from = 0; from < targets.length; from += PUBLISHED_AT_ONCE) {
        // Together, so that they leave together; in between what comes back is taken.
        const together = targets.slice(from, from + PUBLISHED_AT_ONCE);
        if (from > 0) await nextTurn();
        await Promise.all(together.map((id) => bus.publish(SUBJECTS.job(id), this.#envelopes?.of(id))));
      }
    } catch (error) {
      log.warn(`job ${jid} could not be published: ${errorMessage(error)}`);
    }
  }

  async #pause(turn: number, signal: AbortSignal): Promise<void> {
    const ms = this.#pauseMs(turn);
    const awake = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (signal.aborted || this.#mustLook) {
      this.#mustLook = false;
      return;
    }
    await Promise.race([this.#done, woken, this.#options.clock.sleep(ms, awake.signal).catch(() => undefined)]);
    awake.abort(AWAKE);
    this.#mustLook = false;
  }

  #pauseMs(turn: number): number {
    const { reattached, targets, settings } = this.#options;
    const isQuiet = ({ silentSince, muteSince }: Outstanding): boolean => (silentSince ?? muteSince) !== undefined;
    if ([...this.#outstanding.values()].some(isQuiet)) return LOOK_AT_SILENT_MS;
    if (turn > 0 || reattached) return LOOK_MS;
    return targets.length < settings.manyTargets ? FIRST_LOOK_MS : FIRST_LOOK_AT_MANY_MS;
  }

  async #lookAtMissing(): Promise<void> {
    const { jid } = this.#options;
    await this.#each(this.#suspects(), (id) => this.#note(id, { kind: 'find', jid }));
    const verdicts = this.#verdicts();
    const lost = [...this.#outstanding.values()].some(({ saidEnded }) => saidEnded >= 2);
    if (verdicts.size === 0 && !lost) return;
    if (!(await this.#readStream())) return;
    for (const [id, verdict] of verdicts) this.#settle(id, verdict);
  }

  /** Whom to ask: all, or only those without a connection while many are missing whose returns may be on their way. */
  #suspects(): readonly string[] {
    const { clock, presence, settings } = this.#options;
    const now = clock.now();
    const missing = [...this.#outstanding.keys()];
    const flows = now - this.#lastAnswerAt < FLOW_MS;
    const patienceMs = flows ? LOOK_AT_ALL_MS : Math.min(LOOK_AT_ALL_MS, missing.length * PATIENCE_PER_TARGET_MS);
    if (missing.length >= settings.manyTargets && now - this.#lookedAtAllAt < patienceMs)
      return missing.filter((id) => presence?.goneSince(id) !== undefined);
    this.#lookedAtAllAt = now;
    return missing;
  }

  /** Who must be given up, unless the stream knows better. */
  #verdicts(): ReadonlyMap<string, JobTargetAnswer> {
    const { clock, connectedSince } = this.#options;
    const cancelled =
      this.#cancelledAt === undefined ? {} : { cancelled: { at: this.#cancelledAt, by: this.#cancelledBy } };
    const situation = {
      ...{ ...this.#options, now: clock.now(), connectedSince: connectedSince() },
      ...{ lastAnswerAt: this.#lastAnswerAt, ...cancelled },
    };
    const judged = [...this.#outstanding].map(([id, state]) => [id, verdictOf(id, state, situation)] as const);
    return new Map(judged.filter((entry): entry is [string, JobTargetAnswer] => entry[1] !== undefined));
  }

  /** False when the stream cannot be read now: then nobody is given up. */
  async #readStream(): Promise<boolean> {
    const { returns, jid, log } = this.#options;
    try {
      for (const answer of await returns.read(jid)) this.take(answer);
      return true;
    } catch (error) {
      log.warn(`cannot read the returns of ${jid} now: ${errorMessage(error)}`);
      return false;
    }
  }

  /** Sends `body` and notes what the answer says about the target. */
  async #note(id: string, body: object): Promise<void> {
    const receipt = await this.#ask(id, body);
    const state = this.#outstanding.get(id);
    if (state === undefined || receipt === undefined) return;
    const now = this.#options.clock.now();
    if (receipt === 'silent') {
      state.silentSince ??= Math.min(now, this.#options.presence?.goneSince(id) ?? now);
      state.muteSince = undefined;
      state.unanswered = 0;
      return;
    }
    state.silentSince = undefined;
    if (receipt === 'mute') {
      state.muteSince ??= now - REQUEST_TIMEOUT_MS;
      state.unanswered += 1;
      return;
    }
    state.muteSince = undefined;
    state.unanswered = 0;
    state.isRunning ||= receipt.state === 'running';
    if (receipt.state === 'refused') {
      const { message } = receipt.error;
      this.#settle(id, { outcome: 'failed', ret: message, retcode: 1, evidence: message });
    } else if (receipt.state === 'queued') {
      state.queuedAt = now;
    } else if (receipt.state === 'ended') {
      state.saidEnded += 1;
    } else if (receipt.state === 'unknown') {
      state.resends += 1;
      const { expiresAt } = this.#options;
      const envelope = this.#envelopes?.of(id);
      if (envelope !== undefined && now < expiresAt && state.resends <= MAX_RESENDS) await this.#note(id, envelope);
    }
  }

  /** The receipt; `silent` when nobody listens, `mute` when nobody answers, undefined when our own side is at fault. */
  async #ask(id: string, body: object): Promise<JobReceipt | 'silent' | 'mute' | undefined> {
    const { bus, connectedSince, clock } = this.#options;
    const from = clock.now();
    try {
      const options = { timeoutMs: REQUEST_TIMEOUT_MS, signal: this.#connection.signal };
      const receipt = jobReceipt.safeParse(await bus.request(SUBJECTS.job(id), body, options));
      return receipt.success ? receipt.data : 'mute';
    } catch (error) {
      if (!(error instanceof EdgeError)) return undefined;
      if (error.code === 'EDGE_BUS_NO_RESPONDER') return 'silent';
      return error.code === 'EDGE_BUS_TIMEOUT' && connectedSince() <= from ? 'mute' : undefined;
    }
  }

  async #each(ids: readonly string[], work: (id: string) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < ids.length) {
        const id = ids[next]!;
        next += 1;
        await work(id);
      }
    };
    await Promise.all(Array.from({ length: Math.min(PROBES_AT_A_TIME, ids.length) }, worker));
  }

  #settle(id: string, answer: JobTargetAnswer): void {
    if (!this.#outstanding.delete(id)) return;
    this.#answers.set(id, answer);
    this.#lastAnswerAt = this.#options.clock.now();
    this.#options.onAnswer(id, answer);
    if (this.#outstanding.size === 0) this.#finish();
  }
}

/** Ends the questions under way when the connection goes: as many listeners as there are questions. */
function connectionScope(): AbortController {
  const scope = new AbortController();
  setMaxListeners(0, scope.signal);
  return scope;
}

/** What a return means for its target. */
export function answerOf({ outcome, ret, retcode, error, fun }: ReturnMessage): JobTargetAnswer {
  const answer = { outcome, ret: decodeValue(ret), retcode };
  return outcome === 'succeeded'
    ? answer
    : {
        ...answer,
        evidence: error?.message ?? `${fun} returned code ${retcode}`,
        ...(error === undefined ? {} : { error: error as ErrorRecord }),
      };
}
