export { decodeBody, encodeBody, MAX_BODY_BYTES } from './body.ts';
export type { Bus, BusStatus, Received, RequestOptions, SubscribeOptions } from './contract.ts';
export { type BusCredentials, credentialsFromCreds } from './credentials.ts';
export {
  bodyDigest,
  createKeyPair,
  fingerprint,
  type KeyPair,
  keyPairFromSeed,
  type NkeyKind,
  publicKeyKind,
  ReplayGuard,
  type Sighting,
  signBody,
  signJob,
  verifyBody,
  verifyJob,
  verifyKill,
  verifySignature,
} from './identity/index.ts';
export {
  type AccountClaims,
  decodeJwt,
  encodeAccountJwt,
  encodeOperatorJwt,
  encodeScopedUserJwt,
  encodeUserJwt,
  formatCreds,
  type Permission,
  type Permissions,
  parseCreds,
  type Role,
} from './identity/jwt.ts';
export { createMemoryBus, type MemoryBus } from './memory-bus.ts';
export { type BusTls, connectNatsBus, type NatsBus, type NatsBusOptions, type WsFactory } from './nats-bus.ts';
export { BoundedQueue, DEFAULT_QUEUE_LIMITS, type QueueLimits } from './queue.ts';
export { subjectMatches } from './subject.ts';
