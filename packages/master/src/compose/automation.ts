import type { MasterOperationsOptions } from '../operations/index.ts';

/** What runs without anybody asking. */
export async function startAutomation(
  _: object,
): Promise<Pick<MasterOperationsOptions, 'schedules' | 'reactors'> & { stop(): Promise<void> }> {
  return {
    schedules: { ls: async () => [], next: () => [], run: async () => ({}) },
    reactors: () => [],
    stop: async () => {},
  };
}
