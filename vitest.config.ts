import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Sources run without a build: the `source` condition of the packages points at their TypeScript. */
const resolve = { conditions: ['source'] };
const ssr = { resolve: { conditions: ['source'], externalConditions: ['source'] } };

/** What is polled for comes in a moment, or much later where much else runs. */
const expect = { poll: { timeout: 15_000 } };

const project = (name: string, extra: object = {}) => ({
  resolve,
  ssr,
  test: { name, include: [`test/${name}/**/*.test.ts`], expect, ...extra },
});

/** Two at least, because most tests wait for programs they have started; by itself Vitest leaves one core alone. */
const maxWorkers = Math.max(2, availableParallelism() - 1);

export default defineConfig({
  test: {
    maxWorkers,
    projects: [
      // Nothing in them waits, but much may run beside them.
      project('unit', { testTimeout: 30_000 }),
      project('conformance', { testTimeout: 30_000 }),
      // Reads every source: slow where much else runs.
      project('architecture', { testTimeout: 60_000 }),
      project('integration', { testTimeout: 60_000, hookTimeout: 120_000 }),
      // Slow and only run by `npm run test:soak`.
      project('soak', { testTimeout: 1_800_000, hookTimeout: 120_000, fileParallelism: false }),
      // Each file runs a fleet, with PostgreSQL and HAProxy: two at a time, and nothing else beside them.
      project('end-to-end', { testTimeout: 600_000, hookTimeout: 600_000, maxWorkers: 2, sequence: { groupOrder: 1 } }),
    ],
  },
});
