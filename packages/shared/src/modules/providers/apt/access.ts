import { dirname } from 'node:path/posix';
import type { Host, HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import { asText, makeDirectories, readIfPresent, writeText } from '../../operations/index.ts';
import { MAIN_FILE, type SourcesEdit } from './repositories.ts';
import { parseSourcesFile, type SourcesFile } from './sources-file.ts';

const PARTS = '/etc/apt/sources.list.d';

/** Every file of sources that apt reads on a host. */
export async function readSources(host: HostReader): Promise<readonly SourcesFile[]> {
  // Of other names apt takes no notice (`sources.list(5)`).
  const parts = (await namesIn(host, PARTS)).filter((name) => /^[\w.-]+\.(list|sources)$/.test(name));
  const files: SourcesFile[] = [];
  for (const path of [MAIN_FILE, ...parts.map((name) => `${PARTS}/${name}`)]) {
    const content = await readIfPresent(host, path);
    if (content !== undefined) files.push(parseSourcesFile(path, asText(host, path, content)));
  }
  return files;
}

/** Writes files of sources as decided; those that go are removed. */
export async function writeSources(host: Host, edits: readonly SourcesEdit[]): Promise<void> {
  for (const { path, after } of edits) {
    if (after === undefined) {
      await host.remove(path);
      continue;
    }
    await makeDirectories(host, dirname(path), { mode: 0o755 });
    await writeText(host, path, after);
  }
}

/** Names in a directory; none where it is not there. */
export async function namesIn(host: HostReader, dir: string): Promise<readonly string[]> {
  try {
    return (await host.list(dir)).map(({ name }) => name);
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_FILE_NOT_FOUND') return [];
    throw error;
  }
}
