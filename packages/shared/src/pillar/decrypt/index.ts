export type { Decryption } from './contract.ts';
export { createDecryption } from './keys.ts';
export { decryptSops, isSops } from './sops.ts';
export { decryptValue } from './values.ts';
