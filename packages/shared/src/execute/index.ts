export type { HostJob, HostJobResult, JobExecutor } from './contract.ts';
