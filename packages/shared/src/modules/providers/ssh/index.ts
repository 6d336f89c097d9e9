export {
  type AuthorizedKey,
  type AuthorizedLine,
  authorizedLine,
  type KeyStatus,
  parseAuthorizedKey,
  parseAuthorizedKeys,
  removeKey,
  setKey,
  splitOptions,
} from './authorized-keys.ts';
export {
  findKnownHost,
  findOwnEntries,
  hashName,
  type KnownHost,
  type KnownHostLine,
  knownName,
  parseKeyscan,
  parseKnownHosts,
  removeKnownHost,
  setKnownHost,
} from './known-hosts.ts';
export {
  type KeyscanRequest,
  type KnownHostsPath,
  readKnownHosts,
  scanKeys,
  writeKnownHosts,
} from './known-hosts-file.ts';
export {
  FINGERPRINT_HASHES,
  type FingerprintHash,
  fingerprintOf,
  hasFingerprint,
  isCalled,
  isKeyType,
  keyType,
  readFingerprint,
} from './public-key.ts';
export { pathOf, readUserFile, type UserFile, type UserPath, writeUserFile } from './user-file.ts';
