import type { NatsConnection } from '@nats-io/transport-node';

/** The part of the client that writes; not declared, so looked for before it is touched. */
interface Protocol {
  flushPending(): void;
  close(error?: Error): Promise<void>;
}

/**
 * Makes what is published within one turn of the event loop leave in one write. By itself the client writes once for each
 * microtask that publishes: a step of a run would be thirteen writes, and writing is what most of its time goes into.
 * A client that is built otherwise than expected is left as it is (decision 0026).
 */
export function writeTogether(connection: NatsConnection): void {
  const { protocol } = connection as unknown as { readonly protocol?: Partial<Protocol> };
  if (protocol?.flushPending === undefined || protocol.close === undefined) return;
  const write = protocol.flushPending.bind(protocol);
  const close = protocol.close.bind(protocol);
  let isWaiting = false;
  protocol.flushPending = () => {
    if (isWaiting) return;
    isWaiting = true;
    setImmediate(() => {
      isWaiting = false;
      write();
    });
  };
  protocol.close = (error) => {
    write();
    return close(error);
  };
}
