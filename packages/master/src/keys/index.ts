export type { ExternalAccount } from './authority.ts';
export { pushAccount, serveEnrolment } from './enrolment.ts';
export type { KeyState, TokenEntry } from './key-store.ts';
export { createKeyring, type Keyring, type KeyringOptions, type ListedKey, type TokenRequest } from './keyring.ts';
