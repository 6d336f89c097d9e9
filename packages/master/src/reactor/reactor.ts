import { formatDiagnostic } from '@edge-run/shared/kernel';
import {
  checkReactorConfig,
  compileReactors,
  type ReactorConfig,
  type ReactorRule,
  reactorRules,
} from '@edge-run/shared/orchestration';
import { type EdgeEvent, isTagOfPlan } from '@edge-run/shared/protocol';
import type { NatsConnection } from '@nats-io/transport-node';
import { RELEASED } from '../orchestration/index.ts';
import { consumeEvents } from './consumer.ts';
import { type ReactionPorts, react } from './react.ts';

/** How long a dead master's event waits for the next master. */
const ACK_WAIT_MS = 15_000;
/** Events remembered, so that one that was sent twice is reacted to once. */
const REMEMBERED = 10_000;

/** What the reactor reads, and what its reactions act through. */
export interface ReactorOptions extends ReactionPorts {
  /** To the server of the event stream, which `openEvents` has made. */
  readonly connection: NatsConnection;
  readonly config: ReactorConfig;
  /** Ends the reactor: what it has started goes on without it. */
  readonly signal: AbortSignal;
  /** Default 15 s. */
  readonly ackWaitMs?: number;
}

/** A reactor that runs. */
export interface Reactor {
  /** The rules, for the operation `reactor.ls`. */
  ls(): readonly { readonly tag: string; readonly files: string[] }[];
  /** Resolves when `signal` has aborted and nothing is in hand any more. */
  readonly ended: Promise<void>;
}

/**
 * Starts reacting to the events of the installation: each one once, in order for each tag, those included that were sent
 * while no master was there. The first start of an installation begins with events from now on.
 *
 * An event is done with when everything it starts is on record; a master that dies before leaves it to the next, which
 * starts the same calls under the same keys. Several masters share the events, and keep their order each for itself.
 */
export async function startReactor(options: ReactorOptions): Promise<Reactor> {
  const { config, connection, clock, log, signal, ackWaitMs = ACK_WAIT_MS } = options;
  for (const remark of checkReactorConfig(config)) log.warn(formatDiagnostic(remark));
  const filesFor = compileReactors(config);
  const seen = new Recent();
  const calls = new AbortController();
  signal.addEventListener('abort', () => calls.abort(RELEASED), { once: true });
  if (signal.aborted) calls.abort(RELEASED);
  const handle = async (event: EdgeEvent): Promise<void> => {
    if (seen.has(event.id)) return;
    await react(event, filesFor(event.tag), options, calls.signal);
    seen.add(event.id);
  };
  const { ended } = await consumeEvents({
    ...{ connection, clock, log, signal, ackWaitMs, handle },
    // A plan changes nothing, also through what reacts to it.
    matches: (tag) => !isTagOfPlan(tag) && filesFor(tag).length > 0,
  });
  return { ls: () => reactorRules(config).map(copy), ended };
}

function copy({ tag, files }: ReactorRule): { readonly tag: string; readonly files: string[] } {
  return { tag, files: [...files] };
}

/** The latest ids. */
class Recent {
  readonly #ids = new Set<string>();

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
    if (this.#ids.size <= REMEMBERED) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      return;
    }
  }
}
