import { cancelled, EdgeError, newId } from '../kernel/index.ts';
import type { Bus, BusStatus, Received, RequestOptions, SubscribeOptions } from './contract.ts';
import { BoundedQueue } from './queue.ts';
import { checkPublishSubject, mayReply, subjectMatches } from './subject.ts';

interface Subscriber {
  readonly subject: string;
  readonly queue: string | undefined;
  deliver(received: Received): void;
  end(): void;
}

/** A Bus within one process. */
export interface MemoryBus extends Bus {
  /** Another connection to the same bus, whose answers arrive in an inbox of its own. */
  connect(inboxPrefix: string): MemoryBus;
}

/** A Bus within one process, for tests and for a master and its parts under one roof. Behaves as the NATS one. */
export function createMemoryBus(options: { readonly inboxPrefix?: string } = {}): MemoryBus {
  return new Connection(new Router(), options.inboxPrefix ?? '_INBOX.memory');
}

class Router {
  readonly subscribers = new Set<Subscriber>();
  #turn = 0;

  /** How many subscribers got it. */
  route(subject: string, body: unknown, reply: string | undefined): number {
    const sent = body instanceof Uint8Array ? body.slice() : JSON.stringify(body ?? null);
    const queues = new Map<string, Subscriber[]>();
    const chosen: Subscriber[] = [];
    for (const subscriber of this.subscribers) {
      if (!subjectMatches(subscriber.subject, subject)) continue;
      if (subscriber.queue === undefined) chosen.push(subscriber);
      else {
        const members = queues.get(subscriber.queue) ?? [];
        members.push(subscriber);
        queues.set(subscriber.queue, members);
      }
    }
    for (const members of queues.values()) {
      this.#turn += 1;
      chosen.push(members[this.#turn % members.length]!);
    }
    for (const subscriber of chosen) subscriber.deliver(this.#received(subject, sent, reply));
    return chosen.length;
  }

  #received(subject: string, sent: string | Uint8Array, reply: string | undefined): Received {
    const body = typeof sent === 'string' ? (JSON.parse(sent) as unknown) : sent;
    if (reply === undefined || !mayReply(subject, reply)) return { subject, body };
    return {
      subject,
      body,
      respond: (answer) => {
        this.route(reply, answer, undefined);
      },
    };
  }
}

class Connection implements MemoryBus {
  readonly #router: Router;
  readonly #inboxPrefix: string;
  readonly #own = new Set<Subscriber>();
  readonly #listeners = new Set<BoundedQueue<BusStatus>>();
  #closed = false;

  constructor(router: Router, inboxPrefix: string) {
    this.#router = router;
    this.#inboxPrefix = inboxPrefix;
  }

  connect(inboxPrefix: string): MemoryBus {
    return new Connection(this.#router, inboxPrefix);
  }

  async publish(subject: string, body: unknown): Promise<void> {
    this.#check(subject);
    this.#router.route(subject, body, undefined);
  }

  async request(subject: string, body: unknown, { timeoutMs, signal }: RequestOptions): Promise<unknown> {
    this.#check(subject);
    if (signal?.aborted) throw cancelled(signal);
    const inbox = `${this.#inboxPrefix}.${newId()}`;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        this.#router.subscribers.delete(subscriber);
        signal?.removeEventListener('abort', stop);
        finish();
      };
      const stop = (): void => settle(() => reject(cancelled(signal!)));
      const timer = setTimeout(
        () =>
          settle(() =>
            reject(
              new EdgeError('EDGE_BUS_TIMEOUT', `no answer on ${subject} within ${timeoutMs} ms`, {
                subject,
                timeoutMs,
              }),
            ),
          ),
        timeoutMs,
      );
      const subscriber: Subscriber = {
        subject: inbox,
        queue: undefined,
        deliver: (received) => settle(() => resolve(received.body)),
        end: () => settle(() => reject(new EdgeError('EDGE_BUS_UNREACHABLE', 'the bus was closed', { subject }))),
      };
      this.#router.subscribers.add(subscriber);
      signal?.addEventListener('abort', stop, { once: true });
      if (this.#router.route(subject, body, inbox) === 0) {
        settle(() => reject(new EdgeError('EDGE_BUS_NO_RESPONDER', `nobody listens on ${subject}`, { subject })));
      }
    });
  }

  subscribe(subject: string, options: SubscribeOptions): AsyncIterable<Received> {
    const queue = new BoundedQueue<Received>();
    if (options.signal.aborted || this.#closed) {
      queue.end();
      return queue;
    }
    const subscriber: Subscriber = {
      subject,
      queue: options.queue,
      deliver: (received) => void queue.push(received),
      end: () => queue.end(),
    };
    this.#router.subscribers.add(subscriber);
    this.#own.add(subscriber);
    options.signal.addEventListener(
      'abort',
      () => {
        this.#router.subscribers.delete(subscriber);
        this.#own.delete(subscriber);
        queue.clear();
      },
      { once: true },
    );
    return queue;
  }

  async flush(): Promise<void> {}

  status(signal: AbortSignal): AsyncIterable<BusStatus> {
    const queue = new BoundedQueue<BusStatus>();
    queue.push({ kind: this.#closed ? 'closed' : 'connected' });
    if (signal.aborted || this.#closed) queue.end();
    else {
      this.#listeners.add(queue);
      signal.addEventListener('abort', () => queue.end(), { once: true });
    }
    return queue;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const subscriber of this.#own) {
      this.#router.subscribers.delete(subscriber);
      subscriber.end();
    }
    this.#own.clear();
    for (const listener of this.#listeners) {
      listener.push({ kind: 'closed' });
      listener.end();
    }
    this.#listeners.clear();
  }

  #check(subject: string): void {
    checkPublishSubject(subject);
    if (this.#closed)
      throw new EdgeError('EDGE_BUS_UNREACHABLE', `the bus is closed: nothing sent to ${subject}`, { subject });
  }
}
