import type { FileEntry, FileHandle, FileSource } from './contract.ts';

/**
 * Opens many files of one environment: together where the source can, else one after the other. A file that is no longer
 * there is left out.
 */
export async function openFiles(
  source: FileSource,
  entries: readonly FileEntry[],
  env: string,
): Promise<readonly FileHandle[]> {
  if (source.openAll !== undefined) return source.openAll(entries, env);
  const handles: FileHandle[] = [];
  for (const { path } of entries) {
    const handle = await source.open(path, env);
    if (handle !== undefined) handles.push(handle);
  }
  return handles;
}

/** Contents of many files, in the order given. */
export async function* readFiles(
  source: FileSource,
  entries: readonly FileEntry[],
  env: string,
): AsyncIterable<{ readonly entry: FileEntry; readonly content: Uint8Array }> {
  for (const entry of await openFiles(source, entries, env)) yield { entry, content: await entry.read() };
}
