export { type OfflineAnswer, type OfflineRequest, type RenderStage, renderOffline } from './render.ts';
