import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RefusedRecord } from './returner.ts';

/** Appends refused records with their reasons to a file, one JSON object a line, and resolves once they are on disk. */
export async function keepRefused(path: string, refused: readonly RefusedRecord[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'a', 0o600);
  try {
    await file.appendFile(refused.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    await file.datasync();
  } finally {
    await file.close();
  }
}
