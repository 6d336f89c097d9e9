/** A message as it came, with the means to answer where the sender waits for one. */
export interface Received {
  readonly subject: string;
  /** JSON, already parsed, or bytes that were sent as such. Validate it with its schema before trusting it. */
  readonly body: unknown;
  /** Answers the sender; absent when nobody waits. Refuses reply subjects outside the sender's own inbox. */
  readonly respond?: (body: unknown) => void;
}

/** How long an answer is waited for. */
export interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Publish, subscribe and ask, in JSON; a body that is a Uint8Array travels as it is. At most once: what must not be lost
 * goes through a stream.
 * Drivers: NATS and, for tests, in memory.
 */
export interface Bus {
  publish(subject: string, body: unknown): Promise<void>;
  /** @throws EdgeError `EDGE_BUS_NO_RESPONDER` at once when nobody listens, `EDGE_BUS_TIMEOUT` */
  request(subject: string, body: unknown, options: RequestOptions): Promise<unknown>;
  /** Every message whose subject matches (`*` one token, `>` the rest), until `signal` aborts; then it ends. */
  subscribe(subject: string, options: SubscribeOptions): AsyncIterable<Received>;
  /** Resolves when what was published so far has reached the server. */
  flush(): Promise<void>;
  /** Changes of the connection, for status and back-off. */
  status(signal: AbortSignal): AsyncIterable<BusStatus>;
  close(): Promise<void>;
}

/** Until when, and with whom, messages are taken. */
export interface SubscribeOptions {
  readonly signal: AbortSignal;
  /** Members of one queue share the messages between them. */
  readonly queue?: string;
}

/** What has become of the connection. */
export type BusStatus = {
  readonly kind: 'connected' | 'disconnected' | 'closed';
  readonly server?: string;
  readonly reason?: string;
};
