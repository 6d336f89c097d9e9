import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** Rounds that PostgreSQL itself takes. */
const ITERATIONS = 4096;
const MD5 = /^md5[0-9a-f]{32}$/;
const SCRAM = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/;

/** How PostgreSQL keeps passwords. */
export type PasswordForm = 'md5' | 'scram-sha-256';

/** The form of what a server keeps; undefined for what is none. */
export function passwordForm(kept: string): PasswordForm | undefined {
  if (MD5.test(kept)) return 'md5';
  return SCRAM.test(kept) ? 'scram-sha-256' : undefined;
}

/** What a server is to keep for a password; one that is in such a form already stays. */
export function keptPassword(password: string, role: string, form: PasswordForm): string {
  if (passwordForm(password) !== undefined) return password;
  if (form === 'md5') return md5Of(password, role);
  const salt = randomBytes(16);
  const { storedKey, serverKey } = scramKeys(password, salt, ITERATIONS);
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey.toString('base64')}:${serverKey.toString('base64')}`;
}

/** Whether what a server keeps is that of a password. */
export function isKeptPassword(kept: string, password: string, role: string): boolean {
  if (passwordForm(password) !== undefined) return kept === password;
  if (MD5.test(kept)) return kept === md5Of(password, role);
  const [, rounds, salt, storedKey] = SCRAM.exec(kept) ?? [];
  if (salt === undefined || storedKey === undefined) return false;
  const expected = Buffer.from(storedKey, 'base64');
  const found = scramKeys(password, Buffer.from(salt, 'base64'), Number(rounds)).storedKey;
  return expected.length === found.length && timingSafeEqual(expected, found);
}

function md5Of(password: string, role: string): string {
  return `md5${createHash('md5').update(password).update(role).digest('hex')}`;
}

/** RFC 5802, 3: what a server needs to recognise a password. */
function scramKeys(
  password: string,
  salt: Buffer,
  iterations: number,
): { readonly storedKey: Buffer; readonly serverKey: Buffer } {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  return { storedKey: createHash('sha256').update(keyed('Client Key')).digest(), serverKey: keyed('Server Key') };
}
