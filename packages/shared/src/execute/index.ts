export { type CatalogAdditions, createCatalog } from './catalog.ts';
export type { HostJob, HostJobResult, JobExecutor } from './contract.ts';
