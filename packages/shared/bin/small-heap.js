import v8 from 'node:v8';

/** First numbers of V8's version for which the setting is known to be there: V8 complains about any other. */
const HAS_GROWTH = ['11', '12', '13'];

/**
 * Tells the engine that this process has much time and is to have little memory, as a daemon that mostly waits: the room
 * for new objects stays as small as it begins. Of use only before much was loaded.
 */
export function expectIdleness() {
  const [version] = process.versions.v8.split('.');
  if (HAS_GROWTH.includes(version)) v8.setFlagsFromString('--semi-space-growth-factor=1');
}
