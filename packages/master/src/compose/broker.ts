import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectNatsBus, credentialsFromCreds, type NatsBus } from '@edge-run/shared/bus';
import { type Clock, EdgeError, type Logger } from '@edge-run/shared/kernel';
import { type ManagedBroker, startBroker } from '../broker/index.ts';
import type { LoadedMasterConfig } from '../config/index.ts';
import { createKeyring, type Keyring, pushAccount } from '../keys/index.ts';

/** The master's connections and the keys they are made with. */
export interface Connections {
  readonly url: string;
  /** True for a nats-server this master started. */
  readonly isManaged: boolean;
  readonly bus: NatsBus;
  /** Of the system account, where the server is ours: who connects, and telling it of revocations. */
  readonly system: NatsBus | undefined;
  readonly keyring: Keyring;
  close(): Promise<void>;
}

/** Opens the keyring, starts nats-server where none is configured, and connects. */
export async function openConnections(config: LoadedMasterConfig, clock: Clock, log: Logger): Promise<Connections> {
  let system: NatsBus | undefined;
  let bus: NatsBus | undefined;
  const keyring = await createKeyring({
    dir: join(config.data_dir, 'keys'),
    clock,
    log,
    pushAccount: async (jwt) => {
      if (system !== undefined) await pushAccount(system, jwt);
    },
    onAnswer: (publicKey, answer) => {
      void bus?.publish(`edge.enroll.ack.${publicKey}`, answer);
    },
  });
  const broker = config.nats.url === undefined ? await managed(config, keyring, clock, log) : undefined;
  const url = broker?.url ?? config.nats.url!;
  try {
    const credentials = broker === undefined ? await ownCredentials(config) : keyring.masterCreds(config.id);
    bus = await connect(url, config.id, credentials, log);
    if (broker !== undefined) system = await connect(url, `${config.id}-system`, keyring.systemCreds(config.id), log);
  } catch (error) {
    await bus?.close();
    await broker?.stop();
    throw error;
  }
  return {
    url,
    isManaged: broker !== undefined,
    bus,
    system,
    keyring,
    async close() {
      await system?.close();
      await bus?.close();
      await broker?.stop();
    },
  };
}

async function managed(
  config: LoadedMasterConfig,
  keyring: Keyring,
  clock: Clock,
  log: Logger,
): Promise<ManagedBroker> {
  const directory = join(config.data_dir, 'nats');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const portFile = join(directory, 'port');
  // Minions know the address: a server that starts again listens where it did before.
  const port = config.nats.port ?? (await keptPort(portFile));
  const broker = await startBroker({
    directory,
    name: config.id,
    trust: keyring.trust(),
    clock,
    log,
    ...(port === undefined ? {} : { port }),
    ...(config.nats.server === undefined ? {} : { server: { path: config.nats.server } }),
    onEvent: (event) => log.warn(`nats-server ${event.kind}`, event.kind === 'died' ? { exit: event.exit } : {}),
  });
  await writeFile(portFile, new URL(broker.url).port, { mode: 0o600 });
  return broker;
}

async function keptPort(file: string): Promise<number | undefined> {
  try {
    const port = Number(await readFile(file, 'utf8'));
    return Number.isInteger(port) && port > 0 ? port : undefined;
  } catch {
    return undefined; // the first start
  }
}

function connect(url: string, name: string, creds: string | undefined, log: Logger): Promise<NatsBus> {
  return connectNatsBus({
    servers: [url],
    name,
    inboxPrefix: `_INBOX.${name}`,
    log,
    ...(creds === undefined ? {} : { credentials: credentialsFromCreds(creds) }),
  });
}

async function ownCredentials({ nats }: LoadedMasterConfig): Promise<string | undefined> {
  if (nats.credentials === undefined) return undefined;
  try {
    return await readFile(nats.credentials, 'utf8');
  } catch (error) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read the credentials ${nats.credentials}`,
      { file: nats.credentials },
      { cause: error, hint: 'Correct `nats.credentials`.' },
    );
  }
}
