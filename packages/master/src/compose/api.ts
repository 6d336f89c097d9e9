import { isIP } from 'node:net';
import { join } from 'node:path';
import type { RunningApi } from '../api/index.ts';
import { ownCertificates } from '../broker/index.ts';
import { openEventFeed } from '../events/index.ts';
import type { Operation } from '../gateway/index.ts';
import type { Core } from './core.ts';

/** Serves the HTTP API where it is configured; what it needs is loaded only then. */
export async function startConfiguredApi(
  { config, connections, clock, log }: Core,
  operations: Readonly<Record<string, Operation>>,
): Promise<RunningApi | undefined> {
  const { api } = config;
  if (api === undefined || api === false) return undefined;
  const { startApi } = await import('../api/index.ts');
  const certificateFiles = async (tls: NonNullable<typeof api.tls>): Promise<{ certFile: string; keyFile: string }> =>
    tls === 'generated'
      ? ownCertificates(join(config.data_dir, 'api-tls'), isIP(api.host) === 0 ? [api.host] : [], clock)
      : { certFile: tls.cert_file, keyFile: tls.key_file };
  return startApi({
    host: api.host,
    ...(api.port === undefined ? {} : { port: api.port }),
    ...(api.tls === undefined ? {} : { tls: await certificateFiles(api.tls) }),
    tokenFile: api.token_file,
    maxWatchers: api.max_clients,
    operations,
    feed: openEventFeed(connections.bus.connection, log),
    clock,
    log,
  });
}
