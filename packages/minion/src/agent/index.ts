export { type Agent, type AgentOptions, startAgent } from './agent.ts';
export { JobRunner, type JobRunnerOptions } from './job-runner.ts';
export { JobStore, type KnownJob } from './job-store.ts';
export type { MinionPorts } from './ports.ts';
