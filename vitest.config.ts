import { defineConfig } from 'vitest/config';

/** Sources run without a build: the `source` condition of the packages points at their TypeScript. */
const resolve = { conditions: ['source'] };
const ssr = { resolve: { conditions: ['source'], externalConditions: ['source'] } };

const project = (name: string, extra: object = {}) => ({
  resolve,
  ssr,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...extra },
});

export default defineConfig({
  test: {
    projects: [
      project('unit'),
      project('conformance'),
      // Reads every source: slow where much else runs.
      project('architecture', { testTimeout: 60_000 }),
      project('integration', { testTimeout: 60_000, hookTimeout: 120_000 }),
      // Slow and only run by `npm run test:soak`.
      project('soak', { testTimeout: 1_800_000, hookTimeout: 120_000, fileParallelism: false }),
      project('end-to-end', { testTimeout: 600_000, hookTimeout: 600_000, fileParallelism: false }),
    ],
  },
});
