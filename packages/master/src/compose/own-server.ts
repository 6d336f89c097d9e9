import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Logger } from '@edge-run/shared/kernel';
import { errorMessage } from '@edge-run/shared/kernel';
import { type BrokerOptions, type Certificates, ownCertificates, startBroker } from '../broker/index.ts';
import type { LoadedMasterConfig } from '../config/index.ts';

/** The nats-server that this master runs. */
export interface OwnServer {
  /** As this machine reaches it. */
  readonly url: string;
  /** As minions elsewhere reach it. */
  readonly servers: readonly string[];
  /** The authority that signed its certificate; absent without encryption. */
  readonly caFile: string | undefined;
  stop(): Promise<void>;
}

const LOOPBACK = /^(127\.|::1$|localhost$)/;
const RENEWAL_LOOK_MS = 12 * 3_600_000;

/** Starts the server as the configuration says, on the port it had before. @throws EdgeError `EDGE_BROKER_*` */
export async function startOwnServer(
  config: LoadedMasterConfig,
  trust: BrokerOptions['trust'],
  clock: Clock,
  log: Logger,
): Promise<OwnServer> {
  const { host, names, websocket } = config.nats;
  const directory = join(config.data_dir, 'nats');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const portFile = join(directory, 'port');
  // Minions know the address: a server that starts again listens where it did before.
  const port = config.nats.port ?? (await keptPort(portFile));
  const tls = await certificatesOf(config, clock);
  const broker = await startBroker({
    directory,
    name: config.id,
    host,
    clock,
    log,
    ...(trust === undefined ? {} : { trust }),
    ...(port === undefined ? {} : { port }),
    ...(tls === undefined ? {} : { tls: { certFile: tls.certFile, keyFile: tls.keyFile } }),
    ...(websocket === undefined
      ? {}
      : { websocket: { host: websocket.host ?? host, port: websocket.port, ...(tls === undefined ? {} : { tls }) } }),
    server: {
      fromNpm: config.nats.from_npm,
      ...(config.nats.server === undefined ? {} : { path: config.nats.server }),
    },
  });
  await writeFile(portFile, new URL(broker.url).port, { mode: 0o600 });
  const renewal = setInterval(() => {
    certificatesOf(config, clock).then(
      () => broker.reload(),
      (error: unknown) => log.error(`the certificate could not be renewed: ${errorMessage(error)}`),
    );
  }, RENEWAL_LOOK_MS);
  renewal.unref();
  const urls = [broker.url, ...(broker.websocketUrl === undefined ? [] : [broker.websocketUrl])];
  return {
    url: broker.url,
    servers: names.length === 0 ? urls : names.flatMap((name) => urls.map((url) => withHost(url, name))),
    caFile: tls?.caFile,
    stop: () => {
      clearInterval(renewal);
      return broker.stop();
    },
  };
}

async function certificatesOf(
  { nats: { host, names, tls }, data_dir }: LoadedMasterConfig,
  clock: Clock,
): Promise<(Omit<Certificates, 'caFile'> & { readonly caFile: string | undefined }) | undefined> {
  const wanted = tls ?? (LOOPBACK.test(host) ? 'off' : 'generated');
  if (wanted === 'off') return undefined;
  if (wanted === 'generated') return ownCertificates(join(data_dir, 'tls'), names, clock);
  return { certFile: wanted.cert_file, keyFile: wanted.key_file, caFile: wanted.ca_file };
}

function withHost(url: string, name: string): string {
  const [scheme] = url.split('//');
  return `${scheme}//${name.includes(':') ? `[${name}]` : name}:${/:(\d+)$/.exec(url)![1]}`;
}

async function keptPort(file: string): Promise<number | undefined> {
  try {
    const port = Number(await readFile(file, 'utf8'));
    return Number.isInteger(port) && port > 0 ? port : undefined;
  } catch {
    return undefined; // the first start
  }
}
