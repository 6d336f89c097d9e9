export type { Faults } from './fake-fleet.ts';
export { type Simulation, type SimulationParts, type SimulationRequest, simulate } from './simulate.ts';
