import { type BrokerOptions, type ManagedBroker, startBroker } from './managed-server.ts';

/** Where the NATS server comes from. */
export type BrokerSource =
  /** One that this master starts, watches and stops. */
  | ({ readonly kind: 'managed' } & BrokerOptions)
  /** One, or a cluster, that somebody else runs. */
  | { readonly kind: 'external'; readonly servers: readonly string[] };

/** The server to connect to. */
export interface Broker {
  readonly servers: readonly string[];
  /** Absent when it is not ours. */
  readonly managed?: ManagedBroker;
  /** Ends a managed server; leaves any other alone. */
  stop(): Promise<void>;
}

/** Starts the managed server, or takes the one that is given. @throws what `startBroker` throws */
export async function openBroker(source: BrokerSource): Promise<Broker> {
  if (source.kind === 'external') return { servers: source.servers, stop: async () => {} };
  const managed = await startBroker(source);
  return { servers: [managed.url], managed, stop: () => managed.stop() };
}
