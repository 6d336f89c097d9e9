export { type ContextFile, contextFileOf, readContextFile } from './context-file.ts';
export { placeForMaster } from './project.ts';
export { type OfflineRequest, renderOffline } from './render.ts';
