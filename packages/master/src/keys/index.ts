export type { ExternalAccount } from './authority.ts';
export { pushAccount, serveEnrolment } from './enrolment.ts';
export type { TokenRequest } from './join-tokens.ts';
export type { KeyState, TokenEntry } from './key-store.ts';
export { createKeyring, type KeyEvent, type Keyring, type KeyringOptions, type ListedKey } from './keyring.ts';
export { type KeyEventOptions, tellOfKeys } from './tell-of-keys.ts';
