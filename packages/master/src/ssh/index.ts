export type { DefaultCredentials } from './auth.ts';
export type { CheckStep } from './check-host.ts';
export { createSshFleet, type SshFleet, type SshFleetOptions } from './fleet.ts';
export type { HostKeyOptions } from './host-keys.ts';
export { JobHost } from './job-host.ts';
export { idOfDirectory, type ServeSshHostOptions, serveSshHost } from './serve.ts';
export { SshHost } from './ssh-host.ts';
export { type SshTarget, sshTarget } from './target.ts';
