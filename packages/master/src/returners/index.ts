export { createElasticsearchReturner, type ElasticsearchOptions } from './elasticsearch.ts';
export { createFileReturner, type FileReturnerOptions } from './file.ts';
export { type PumpOptions, startPump } from './pump.ts';
export { keepRefused } from './refusals.ts';
export type { Correlation, HistoryRecord, RecordKind, RefusedRecord, Returner } from './returner.ts';
export { type RecordSource, type RecordSourcesOptions, recordSources } from './sources.ts';
export { createWebhookReturner, type WebhookOptions } from './webhook.ts';
