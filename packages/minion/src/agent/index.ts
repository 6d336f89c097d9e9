export { type Agent, type AgentOptions, startAgent } from './agent.ts';
export type { MinionPorts } from './ports.ts';
