import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, EdgeError, errorMessage, Secret } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import type { ReturnerConfig } from '../config/index.ts';
import type { JobService } from '../jobs/index.ts';
import { openEntryReader } from '../journal/index.ts';
import {
  createElasticsearchReturner,
  createFileReturner,
  createWebhookReturner,
  type ElasticsearchOptions,
  keepRefused,
  type Returner,
  recordSources,
  startPump,
} from '../returners/index.ts';
import type { Core } from './core.ts';

const MEGABYTE = 1_000_000;

/**
 * Starts the returners of the configuration; resolves once the broker keeps everything from here on for them. They end
 * with the master's signal, in the background.
 * @throws EdgeError `EDGE_CONFIG_INVALID` for credentials that cannot be read
 */
export async function startReturners(core: Core, jobs: Pick<JobService, 'find'>): Promise<void> {
  const { config, connections, journal, background, clock, log, signal } = core;
  const entries = Object.entries(config.returners);
  if (entries.length === 0) return;
  const { connection } = connections.bus;
  const sources = recordSources({
    findJob: (jid) => jobs.find(jid),
    readRun: await openEntryReader<RunJournalEvent>(connection),
    firstOf: async (run) => (await journal.read(run))[0],
  });
  for (const [name, settings] of entries) {
    const returner = await createReturner(name, settings, clock);
    const path = join(config.data_dir, 'returners', `${name}.refused.jsonl`);
    const refused = (records: Parameters<typeof keepRefused>[1]): Promise<void> => keepRefused(path, records);
    const { ended } = await startPump({ name, returner, sources, refused, connection, clock, log, signal });
    background.run(ended);
  }
}

async function createReturner(name: string, settings: ReturnerConfig, clock: Clock): Promise<Returner> {
  switch (settings.type) {
    case 'file': {
      const { path, max_mb: megabytes, keep } = settings;
      return createFileReturner({ path, keep, maxBytes: megabytes * MEGABYTE });
    }
    case 'elasticsearch': {
      const credentials = await credentialsOf(name, settings);
      const { url, index } = settings;
      return createElasticsearchReturner({ url, index, ...(credentials === undefined ? {} : { credentials }) });
    }
    case 'webhook':
      return createWebhookReturner({ url: settings.url, secret: await secretOf(name, settings.secret_file), clock });
  }
}

async function credentialsOf(
  name: string,
  { username, password_file, api_key_file }: Extract<ReturnerConfig, { type: 'elasticsearch' }>,
): Promise<ElasticsearchOptions['credentials']> {
  if ((username === undefined) !== (password_file === undefined) || (username && api_key_file)) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `returner ${name}: \`username\` and \`password_file\` belong together, and exclude \`api_key_file\``,
      { returner: name },
      { hint: 'Give both of the first two, or only the third.' },
    );
  }
  if (api_key_file !== undefined) return { kind: 'api-key', key: await secretOf(name, api_key_file) };
  if (username === undefined || password_file === undefined) return undefined;
  return { kind: 'basic', username, password: await secretOf(name, password_file) };
}

/** What a file holds, without the newline an editor leaves at its end. */
async function secretOf(name: string, file: string): Promise<Secret> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `returner ${name}: cannot read ${file}: ${errorMessage(error)}`,
      { returner: name, file },
      { cause: error },
    );
  }
  if (text === '')
    throw new EdgeError('EDGE_CONFIG_INVALID', `returner ${name}: ${file} is empty`, { returner: name, file });
  return new Secret(text);
}
