export type { CloudDriver, HostDeclaration, Provisioned } from './cloud.ts';
export { createLocalCloud, type LocalCloudOptions, type LocalFleetAccess, stopLocalHost } from './local.ts';
export { endProcess, isAlive, readProcess, writeProcess } from './process-file.ts';
