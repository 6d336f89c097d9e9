/** Parts of orchestrations that tests look at by themselves. */
export { floorOf, floorProblem } from '../steps/in-service.ts';
export { type Patience, pauseAfter, waitUntil } from '../steps/waiting.ts';
