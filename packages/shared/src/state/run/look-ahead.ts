import type { FoundPath, Host, HostReader } from '../../host/index.ts';
import type { Clock, InstantMs } from '../../kernel/index.ts';
import type { FirstLook, StateModule } from '../../modules/contract/index.ts';
import { hasSlot } from '../compile/index.ts';
import type { Chunk } from '../contract.ts';
import { readerOf } from './context.ts';

/** Looks of the first burst of a run; it doubles while everything that was looked at is of use. */
const FIRST_BURST = 8;
/** Looks of the longest burst; with contents of 64 KiB each that is 2 MiB. */
const MAX_BURST = 32;
/** Looks that were asked for longer ago are not used: others may be at work on the host. */
const MAX_AGE_MS = 3_000;

/** A host on which looking ahead is of use, and can be told to be still true. */
type FarHost = Host & Required<Pick<HostReader, 'look' | 'revision'>>;

interface KeptLook {
  readonly by: FirstLook['by'];
  readonly found: Promise<FoundPath>;
}

/**
 * What the states of one run look with on a host that is far away: where several in a row begin with a look, the host is
 * asked for all of these at once, and a state finds its answer here. A look ahead is used once, and only while nothing
 * has been run or written on the host since it was asked for, and it is not old. Otherwise the host is asked again, so
 * that what a state sees is what it would have seen without.
 */
export class LookAhead {
  readonly reader: HostReader;
  readonly #host: FarHost;
  readonly #clock: Clock;
  /** By path. */
  readonly #kept = new Map<string, KeptLook>();
  /** Of the host when the last burst was asked for. */
  #revision: number | undefined;
  #askedAt: InstantMs = 0;
  /** Looks of the last burst. */
  #asked = 0;
  #burst = FIRST_BURST;

  /** Undefined for a host that is near, or cannot tell when it was changed. */
  static on(host: Host, clock: Clock): LookAhead | undefined {
    return isFar(host) ? new LookAhead(host, clock) : undefined;
  }

  private constructor(host: FarHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
    this.reader = {
      ...readerOf(host),
      stat: async (path) => {
        const found = await this.#take(path, (kept, { by }) => by === 'stat' || isItself(path, kept));
        return found === undefined ? host.stat(path) : found.stat;
      },
      look: async (path, { followLinks }) => {
        const found = await this.#take(path, (kept, { by }) => by === 'look' && (followLinks || isItself(path, kept)));
        return found ?? host.look(path, { followLinks });
      },
    };
  }

  /** Says how the states from now on begin. What was expected before and is not the next look any more is forgotten. */
  expect(looks: Iterable<FirstLook>): void {
    const upcoming = looks[Symbol.iterator]();
    const isTrue = this.#isTrue();
    let next = upcoming.next();
    if (isTrue && !next.done && this.#kept.has(next.value.path)) return;
    // What is asked for in vain is never more than what was of use before, the first burst aside.
    if (this.#kept.size > 0) this.#burst = isTrue ? this.#burst : 1;
    else if (isTrue && this.#asked > 0) this.#burst = Math.min(this.#burst * 2, MAX_BURST);
    this.#kept.clear();
    this.#asked = 0;
    this.#revision = this.#host.revision();
    this.#askedAt = this.#clock.now();
    if (this.#revision === undefined) return;
    for (; this.#asked < this.#burst && !next.done && !this.#kept.has(next.value.path); this.#asked += 1) {
      this.#ask(next.value);
      next = upcoming.next();
    }
  }

  #ask({ path, by }: FirstLook): void {
    const found =
      by === 'look'
        ? this.#host.look(path, { followLinks: true })
        : this.#host.stat(path).then((stat): FoundPath => ({ path, stat }));
    const kept: KeptLook = { by, found };
    this.#kept.set(path, kept);
    // The state asks again, and tells what is wrong then.
    found.catch(() => this.#kept.get(path) === kept && this.#kept.delete(path));
  }

  /** True while the host is as it was when the last burst was asked for, as far as we know. */
  #isTrue(): boolean {
    if (this.#revision === undefined || this.#host.revision() !== this.#revision) return false;
    return this.#clock.now() - this.#askedAt <= MAX_AGE_MS;
  }

  async #take(path: string, answers: (found: FoundPath, kept: KeptLook) => boolean): Promise<FoundPath | undefined> {
    const kept = this.#kept.get(path);
    if (kept === undefined) return undefined;
    this.#kept.delete(path);
    if (!this.#isTrue()) return undefined;
    const found = await kept.found.catch(() => undefined);
    return found !== undefined && answers(found, kept) ? found : undefined;
  }
}

/** What the states from `start` on look at first, up to the one that may do something else. */
export function* firstLooks(
  chunks: readonly Chunk[],
  start: number,
  states: ReadonlyMap<string, StateModule>,
): Iterable<FirstLook> {
  for (let at = start; at < chunks.length; at += 1) {
    const look = firstLook(chunks[at]!, states);
    if (look === undefined) return;
    yield look;
  }
}

/** Undefined for a state that does more than its module, or of which it is not known what it looks at. */
function firstLook(chunk: Chunk, states: ReadonlyMap<string, StateModule>): FirstLook | undefined {
  const { name, args, guards, options } = chunk;
  const { parallel, retry, checkCmd, fireEvent, reload } = options;
  if (parallel || retry !== undefined || checkCmd !== undefined || fireEvent !== undefined || reload !== undefined)
    return undefined;
  if (Object.keys(guards).length > 0 || typeof name !== 'string' || hasSlot(args)) return undefined;
  return states.get(`${chunk.state}.${chunk.fun}`)?.firstLook?.(name);
}

/** True when what was found is at the path itself, whether links were to be followed or not. */
function isItself(path: string, found: FoundPath): boolean {
  return found.path === path && found.stat?.kind !== 'symlink';
}

function isFar(host: Host): host is FarHost {
  return host.look !== undefined && host.revision !== undefined;
}
