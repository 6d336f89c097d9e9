import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrokerOptions, type ManagedBroker, startBroker } from '@edge-run/master/broker';
import { connectNatsBus, type NatsBus } from '@edge-run/shared/bus';

/** A real nats-server in a temporary directory on a free port of the loopback. */
export interface TestNats {
  readonly broker: ManagedBroker;
  readonly url: string;
  readonly directory: string;
  /** A connection without credentials; closed by `stop`. */
  connect(name: string): Promise<NatsBus>;
  stop(): Promise<void>;
}

/** Starts one; with `trust` it asks for credentials, without it lets everybody in. */
export async function startNats(options: Omit<BrokerOptions, 'directory'> = {}): Promise<TestNats> {
  const directory = await mkdtemp(join(tmpdir(), 'edge-nats-'));
  const broker = await startBroker({ ...options, directory });
  const buses: NatsBus[] = [];
  return {
    broker,
    url: broker.url,
    directory,
    connect: async (name) => {
      const bus = await connectNatsBus({ servers: [broker.url], name, inboxPrefix: `_INBOX.${name}` });
      buses.push(bus);
      return bus;
    },
    stop: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      await broker.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
