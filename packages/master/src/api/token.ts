import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';

const TOKEN_BYTES = 32;
/** A token this short could be guessed. */
const SHORTEST_TOKEN = 20;

/** Tells whether a text is the token, in a time that says nothing about it. */
export type TokenCheck = (given: string) => boolean;

/**
 * Reads the token of the API; makes one where there is none. Only the owner of the file may read it afterwards.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID` when the file cannot be read or made, or holds no token
 */
export async function openToken(file: string): Promise<TokenCheck> {
  const token = (await readToken(file)).trim();
  if (token.length < SHORTEST_TOKEN || /\s/.test(token)) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `${file} holds no token: one line of at least ${SHORTEST_TOKEN} characters`,
      { file },
      { hint: `Remove it, and the next start of the master makes a new one: rm ${file}` },
    );
  }
  const expected = digest(token);
  return (given) => timingSafeEqual(digest(given), expected);
}

async function readToken(file: string): Promise<string> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(file, error);
  }
  try {
    await chmod(file, 0o600);
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unusable(file, error);
  }
}

/** Equal lengths for whatever is compared. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unusable(file: string, cause: unknown): EdgeError {
  return new EdgeError(
    'EDGE_CONFIG_INVALID',
    `cannot use ${file} for the token of the API: ${errorMessage(cause)}`,
    { file },
    { cause, hint: 'Correct `api.token_file`, or who may write there.' },
  );
}
