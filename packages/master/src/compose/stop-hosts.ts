import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCatalog, HostRuntime } from '@edge-run/shared/execute';
import { LocalRoots } from '@edge-run/shared/files';
import { LocalHost } from '@edge-run/shared/host';
import { type Clock, compiled, errorMessage, silentLogger } from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { createRenderer } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import { stopLeftBehind } from '../broker/index.ts';
import { localHomes, stopLocalHost } from '../cloud/index.ts';

/**
 * Ends every host of the local fleet below a data directory, minion first, then its services; then a nats-server whose
 * master was killed. Answers one line for each thing that was ended. Needs no master and no broker.
 */
export async function stopHosts(dir: string, clock: Clock): Promise<readonly string[]> {
  const hosts = await Promise.all(localHomes(join(dir, 'fleet')).map((home) => stopHost(home, clock)));
  const orphaned = (await stopLeftBehind(join(dir, 'nats'), clock))
    ? ['ended a nats-server whose master was gone']
    : [];
  return [...hosts.flat(), ...orphaned];
}

async function stopHost(home: string, clock: Clock): Promise<readonly string[]> {
  const minion = (await stopLocalHost(home, clock)) ? [`ended the minion of ${home}`] : [];
  return [...minion, ...(await stopServices(home))];
}

async function stopServices(home: string): Promise<readonly string[]> {
  const folder = join(home, 'services');
  if (!existsSync(folder)) return [];
  const { id } = JSON.parse(readFileSync(join(home, 'minion.yaml'), 'utf8')) as { id: string };
  const facts = fromPlain({ id, home, init: 'unknown' }) as PyMap;
  const runtime = new HostRuntime({
    host: new LocalHost({ id, home }),
    catalog: createCatalog(),
    files: new LocalRoots({}),
    ...createRenderer(),
    facts: async () => facts,
    pillar: async () => compiled(new PyMap()),
    opts: new PyMap([
      ['services_dir', folder],
      ['services_run_dir', join(home, 'run')],
    ]),
    events: { send: async () => {} },
    mine: NO_MINE,
    log: silentLogger,
  });
  const { ctx } = await runtime.workplace({ signal: new AbortController().signal, log: silentLogger });
  const names = readdirSync(folder).flatMap((file) => /^(.+)\.service\.json$/.exec(file)?.[1] ?? []);
  return Promise.all(
    names.map(async (name) => {
      try {
        await ctx.call('service.stop', [name]);
        return `ended ${name} of ${id}`;
      } catch (error) {
        return `${name} of ${id} could not be ended: ${errorMessage(error)}`;
      }
    }),
  );
}
