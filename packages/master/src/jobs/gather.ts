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

/** How long targets of a job are waited for. */
export interface GatherSettings {
  /** A minion without connection for this long is unreachable. Default 3,000. */
  readonly unreachableAfterMs: number;
  /** A minion that is connected and does not answer for this long gives no return. Default 20,000. */
  readonly noReturnAfterMs: number;
  /** After this connection came back, minions have this long to come back too. Default 8,000. */
  readonly settleMs: number;
  /** From this many targets on nobody is asked for a receipt at once: the returns say soon enough. Default 200. */
  readonly manyTargets: number;
}

/** The waits where nothing else is told. */
export const GATHER_DEFAULTS: GatherSettings = {
  unreachableAfterMs: 3_000,
  noReturnAfterMs: 20_000,
  settleMs: 8_000,
  manyTargets: 200,
};

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

interface Outstanding {
  /** Nobody listens since; undefined while somebody does. */
  silentSince: InstantMs | undefined;
  /** It listens and does not answer since. */
  muteSince: InstantMs | undefined;
  resends: number;
  /** It said it was done, but its return has not come. */
  saidEnded: number;
  /** When it last said that the job waits there for others to end. */
  queuedAt: InstantMs | undefined;
}

const REQUEST_TIMEOUT_MS = 2_000;
const PROBES_AT_A_TIME = 200;
const PUBLISHED_AT_ONCE = 250;
const MAX_RESENDS = 3;
const FIRST_LOOK_MS = 1_000;
const LOOK_MS = 2_000;
const LOOK_AT_SILENT_MS = 250;
/** While returns follow each other closer than this, those who are connected are not asked where theirs is. */
const FLOW_MS = 750;
/** Everybody is asked from time to time, however the returns flow. */
const LOOK_AT_ALL_MS = 10_000;
/** A minion ends its job itself at the limit; this is for one that cannot. */
const TIMEOUT_MARGIN_MS = 10_000;
const CANCEL_GRACE_MS = 7_000;

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
    this.#lookedAtAllAt = options.clock.now();
    this.#envelopes = options.message === undefined ? undefined : new Envelopes(options.message, options.signer);
    this.#done = new Promise((resolve) => {
      this.#finish = resolve;
    });
    for (const id of options.targets) {
      this.#outstanding.set(id, {
        silentSince: undefined,
        muteSince: undefined,
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

  async #deliver(): Promise<void> {
    const { targets, settings, bus } = this.#options;
    if (targets.length < settings.manyTargets) {
      // Not awaited: the returns say soonest that the job arrived.
      void this.#each(targets, (id) => this.#tell(id));
      return;
    }
    try {
      for (const [index, id] of targets.entries()) {
        await bus.publish(SUBJECTS.job(id), this.#envelopes?.of(id));
        // What has been said so far leaves, and what comes back meanwhile is taken.
        if (index % PUBLISHED_AT_ONCE === PUBLISHED_AT_ONCE - 1) await nextTurn();
      }
    } catch (error) {
      this.#options.log.warn(`job ${this.#options.jid} could not be published: ${errorMessage(error)}`);
    }
  }

  async #pause(turn: number, signal: AbortSignal): Promise<void> {
    const silent = [...this.#outstanding.values()].some(({ silentSince }) => silentSince !== undefined);
    const ms = silent ? LOOK_AT_SILENT_MS : turn === 0 && !this.#options.reattached ? FIRST_LOOK_MS : LOOK_MS;
    const awake = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (signal.aborted || this.#mustLook) {
      this.#mustLook = false;
      return;
    }
    await Promise.race([this.#done, woken, this.#options.clock.sleep(ms, awake.signal).catch(() => undefined)]);
    awake.abort();
    this.#mustLook = false;
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

  /** Whom to ask: all, or only those without a connection while the returns of many others come in. */
  #suspects(): readonly string[] {
    const { clock, presence, settings } = this.#options;
    const now = clock.now();
    const missing = [...this.#outstanding.keys()];
    const flows = missing.length >= settings.manyTargets && now - this.#lastAnswerAt < FLOW_MS;
    if (flows && now - this.#lookedAtAllAt < LOOK_AT_ALL_MS)
      return missing.filter((id) => presence?.goneSince(id) !== undefined);
    this.#lookedAtAllAt = now;
    return missing;
  }

  /** Who must be given up, unless the stream knows better. */
  #verdicts(): ReadonlyMap<string, JobTargetAnswer> {
    const { clock, settings, connectedSince, issuedAt, timeoutMs, fun } = this.#options;
    const now = clock.now();
    const verdicts = new Map<string, JobTargetAnswer>();
    const settled = now - connectedSince() >= settings.settleMs || connectedSince() <= issuedAt;
    for (const [id, { silentSince, muteSince, resends, saidEnded, queuedAt }] of this.#outstanding) {
      const silentMs = silentSince === undefined ? 0 : now - silentSince;
      const muteMs = muteSince === undefined ? 0 : now - muteSince;
      if (this.#cancelledAt !== undefined && now - this.#cancelledAt > CANCEL_GRACE_MS) {
        verdicts.set(
          id,
          unanswered('cancelled', 130, `cancelled by ${this.#cancelledBy}; ${id} has not confirmed that it stopped`),
        );
      } else if (silentMs >= settings.unreachableAfterMs && settled) {
        verdicts.set(id, unanswered('unreachable', 1, `${id} has had no connection for ${seconds(silentMs)}`));
      } else if (timeoutMs !== undefined && now - (queuedAt ?? issuedAt) > timeoutMs + TIMEOUT_MARGIN_MS) {
        verdicts.set(id, unanswered('timed-out', 124, `${fun} did not end within ${seconds(timeoutMs)} on ${id}`));
      } else if (muteMs >= settings.noReturnAfterMs) {
        verdicts.set(id, unanswered('no-return', 1, `${id} is connected and has not answered for ${seconds(muteMs)}`));
      } else if (resends > MAX_RESENDS) {
        verdicts.set(id, unanswered('no-return', 1, `${id} is connected and does not know the job`));
      } else if (saidEnded > MAX_RESENDS) {
        verdicts.set(id, unanswered('no-return', 1, `${id} says it is done, but its return does not arrive`));
      }
    }
    return verdicts;
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

  async #tell(id: string): Promise<void> {
    const envelope = this.#envelopes?.of(id);
    if (envelope !== undefined) await this.#note(id, envelope);
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
      return;
    }
    state.silentSince = undefined;
    if (receipt === 'mute') {
      state.muteSince ??= now - REQUEST_TIMEOUT_MS;
      return;
    }
    state.muteSince = undefined;
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

function unanswered(outcome: JobTargetAnswer['outcome'], retcode: number, evidence: string): JobTargetAnswer {
  return { outcome, retcode, evidence };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
