export { gatherHigh, gatherReadable, type SlsMatches, type SlsSource } from './gather.ts';
export { bareHighData, type HighData, withExclusions } from './high-data.ts';
export { numberStates } from './order.ts';
export { Places } from './places.ts';
export { shown } from './shown.ts';
