import { createCatalog, createPillarCompiler, type PillarCompilerOptions } from '@edge-run/shared/execute';
import { LocalHost } from '@edge-run/shared/host';
import { silentLogger } from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import type { ExternalServices } from '@edge-run/shared/pillar';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import { MemoryFiles, type MemoryTrees } from './memory-files.ts';
import { renderData, renderText } from './render.ts';

/** What a master compiles pillars from; everything it does not say is as in a configuration that says nothing. */
export interface TestPillar {
  readonly trees?: MemoryTrees;
  readonly files?: PillarCompilerOptions['files'];
  /** Salt's options. */
  readonly settings?: object;
  readonly decryption?: PillarCompilerOptions['decryption'];
  readonly entries?: readonly Readonly<Record<string, unknown>>[];
  readonly services?: Partial<ExternalServices>;
}

/** The pillar compiler of a master with real modules, on this machine. */
export function testPillars(pillar: TestPillar): ReturnType<typeof createPillarCompiler> {
  return createPillarCompiler({
    files: pillar.files ?? new MemoryFiles(pillar.trees ?? { base: {} }),
    settings: fromPlain(pillar.settings ?? {}) as PyMap,
    base: {
      host: new LocalHost({ id: 'master' }),
      catalog: createCatalog(),
      files: new MemoryFiles({ base: {} }),
      renderData,
      renderText,
      opts: new PyMap(),
      events: { send: async () => {} },
      mine: NO_MINE,
      log: silentLogger,
    },
    external: {
      entries: pillar.entries ?? [],
      services: {
        nodegroups: {},
        resolvePath: (path) => path,
        git: { base: 'master', includes: true, updateIntervalMs: 60_000, cacheDir: '/nonexistent' },
        ...pillar.services,
      },
    },
    ...(pillar.decryption === undefined ? {} : { decryption: pillar.decryption }),
  });
}
