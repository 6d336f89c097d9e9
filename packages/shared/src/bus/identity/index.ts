/*
 * Keys and signatures without the bus: what may be loaded where nothing is connected to.
 */
export {
  createKeyPair,
  fingerprint,
  type KeyPair,
  keyPairFromSeed,
  type NkeyKind,
  publicKeyKind,
  verifySignature,
} from './nkeys.ts';
export {
  bodyDigest,
  ReplayGuard,
  type Sighting,
  signBody,
  signJob,
  verifyBody,
  verifyJob,
  verifyKill,
} from './signing.ts';
