export { type ApiOptions, type RunningApi, startApi } from './server.ts';
export { CLOSE, type WatcherLimits } from './watcher.ts';
