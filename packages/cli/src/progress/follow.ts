import { EdgeError } from '@edge-run/shared/kernel';
import type { EdgeEvent } from '@edge-run/shared/protocol';
import type { MasterClient } from '../client.ts';
import type { Io } from '../io.ts';
import { createMailbox } from './mailbox.ts';

/** Shows something while it goes on. */
export interface Watcher<V> {
  /** The view after an event, a snapshot (`event` is undefined then) or nothing new. */
  changed(view: V, event?: EdgeEvent): void;
  /** Time passed: redraw, or give a sign of life. */
  tick(view: V): void;
  /** Takes away what is redrawn in place. */
  close(): void;
  /** True for what has room for more than news: how long it takes as a rule, what needs what. */
  readonly isDrawn?: boolean;
}

/** How following ended; the thing itself may go on. */
export type FollowEnd = 'ended' | 'detached' | 'cancel' | 'timed-out';

/** What is followed, and where its events and its state come from. */
export interface FollowOptions<V> {
  readonly client: MasterClient;
  readonly io: Io;
  /** Subject of the events that matter. */
  readonly subject: string;
  /** What is known without asking. */
  readonly initial: V;
  /** The state as the master knows it, folded over what is known. */
  readonly snapshot: (view: V) => Promise<V>;
  readonly fold: (view: V, event: EdgeEvent) => V;
  readonly isEnded: (view: V) => boolean;
  readonly watcher: Watcher<V>;
  readonly limitMs: number | undefined;
  /** Further subjects that matter once so much is known; a subject that was told stays subscribed to. */
  readonly furtherSubjects?: (view: V) => readonly string[];
  /** The first Ctrl-C asks to cancel: nobody is there to press it again. */
  readonly isCancelledByInterrupt: boolean;
  /** Said at the first Ctrl-C. */
  readonly onDetach: () => void;
}

const TICK_MS = 200;
/** Events are sent at most once; after this much silence the snapshot says whether one was lost. */
const REFRESH_AFTER_MS = 5_000;
const SECOND_INTERRUPT_WITHIN_MS = 2_000;

type Message = { readonly kind: 'event'; readonly event: EdgeEvent } | { readonly kind: 'interrupt' };

/**
 * Follows a run or job to its end: subscribes, then takes the snapshot, so that nothing is missed between them. A
 * master that goes away is waited for. One Ctrl-C detaches, a second within 2 s asks to cancel.
 */
export async function follow<V>(options: FollowOptions<V>): Promise<{ readonly view: V; readonly end: FollowEnd }> {
  const { io, client } = options;
  const mailbox = createMailbox<Message>(io.clock);
  const stop = new AbortController();
  const forget = io.onInterrupt(() => mailbox.put({ kind: 'interrupt' }));
  try {
    const subscribe = async (subject: string): Promise<void> => {
      const events = await client.events(subject, stop.signal);
      void forward(events, (event) => mailbox.put({ kind: 'event', event }));
    };
    await subscribe(options.subject);
    return await loop(options, mailbox.take, subscribe);
  } finally {
    forget();
    stop.abort();
    options.watcher.close();
  }
}

async function loop<V>(
  options: FollowOptions<V>,
  take: (ms: number) => Promise<Message | undefined>,
  subscribe: (subject: string) => Promise<void>,
): Promise<{ view: V; end: FollowEnd }> {
  const { io, watcher } = options;
  const startedAt = io.clock.now();
  const subscribed = new Set<string>();
  let view: V = await options.snapshot(options.initial);
  let heardAt = startedAt;
  let interruptedAt: number | undefined;
  watcher.changed(view);
  while (!options.isEnded(view)) {
    const message = await take(TICK_MS);
    const now = io.clock.now();
    if (message?.kind === 'event') {
      const before = view;
      view = options.fold(view, message.event);
      heardAt = now;
      if (view !== before) watcher.changed(view, message.event);
    } else if (message?.kind === 'interrupt') {
      if (interruptedAt !== undefined || options.isCancelledByInterrupt) return { view, end: 'cancel' };
      interruptedAt = now;
      options.onDetach();
    } else watcher.tick(view);
    if (interruptedAt !== undefined && now - interruptedAt >= SECOND_INTERRUPT_WITHIN_MS)
      return { view, end: 'detached' };
    if (options.limitMs !== undefined && now - startedAt >= options.limitMs) return { view, end: 'timed-out' };
    const further = (options.furtherSubjects?.(view) ?? []).filter((subject) => !subscribed.has(subject));
    for (const subject of further) {
      subscribed.add(subject);
      await subscribe(subject);
    }
    if (further.length > 0 || now - heardAt >= REFRESH_AFTER_MS) {
      const before = view;
      view = await refreshed(options, view);
      heardAt = io.clock.now();
      if (view !== before) watcher.changed(view);
    }
  }
  return { view, end: 'ended' };
}

/** The snapshot, or the view as it is while no master answers. */
async function refreshed<V>(options: FollowOptions<V>, view: V): Promise<V> {
  try {
    return await options.snapshot(view);
  } catch (error) {
    if (error instanceof EdgeError && (error.code === 'EDGE_MASTER_UNREACHABLE' || error.code === 'EDGE_BUS_TIMEOUT')) {
      return view;
    }
    throw error;
  }
}

async function forward(events: AsyncIterable<EdgeEvent>, put: (event: EdgeEvent) => void): Promise<void> {
  for await (const event of events) put(event);
}
