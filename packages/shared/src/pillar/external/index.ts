export type { ExternalServices, GitPillarOptions } from './contract.ts';
export { EXTERNAL_KINDS, externalPillars } from './registry.ts';
export { type VaultServer, vaultServer } from './vault-client.ts';
