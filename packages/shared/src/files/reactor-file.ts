import { readFile } from 'node:fs/promises';
import type { FileSource } from './contract.ts';

/** A file of `reactor`: its text, and how diagnostics name it. */
export interface ReactorFile {
  readonly text: string;
  readonly path: string;
}

/**
 * Opens a file that `reactor` names: `salt://reactor/start.sls`, or, as in most masters of Salt, a path on the master
 * itself. Undefined: not there.
 */
export async function openReactorFile(files: FileSource, uri: string): Promise<ReactorFile | undefined> {
  if (uri.startsWith('/')) {
    try {
      return { text: await readFile(uri, 'utf8'), path: uri };
    } catch (error) {
      // Paths of the file roots were taken with a slash before them too.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  const file = await files.open(uri, 'base');
  return file === undefined ? undefined : { text: new TextDecoder().decode(await file.read()), path: file.path };
}
