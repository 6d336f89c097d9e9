export { isMissing, isWrittenByAnother } from './api-errors.ts';
export { ensureConsumer } from './ensure-consumer.ts';
export { ensureStream } from './ensure-stream.ts';
export { onceReady } from './once-ready.ts';
export { openBucket } from './open-bucket.ts';
