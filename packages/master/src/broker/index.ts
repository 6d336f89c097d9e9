export { type Certificates, ownCertificates } from './certificates.ts';
export { type FindServerOptions, type FoundServer, findServer } from './find-server.ts';
export { type BrokerOptions, type ManagedBroker, startBroker, startError } from './managed-server.ts';
export type { BrokerTrust } from './server-config.ts';
export { stopLeftBehind } from './store-claim.ts';
