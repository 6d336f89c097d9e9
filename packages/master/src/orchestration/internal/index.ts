/** Parts of orchestrations that tests and benchmarks look at by themselves. */
export { getStepIndex } from '../find-step.ts';
export { forecastRun } from '../forecast.ts';
export { GrowingMap } from '../growing-map.ts';
export { encodeStoredPlan, foldEvent, type RunRecord } from '../run-record.ts';
export { revealStep, sealStep, secretProblems } from '../secret-steps.ts';
export { sealedPaths, secretsDigest } from '../secret-values.ts';
export { floorOf, floorProblem } from '../steps/in-service.ts';
export { plannedBatches } from '../steps/plan-batches.ts';
export { type Patience, pauseAfter, waitUntil } from '../steps/waiting.ts';
export { nextTurn } from '../turn.ts';
