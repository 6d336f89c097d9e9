import {
  createCatalog,
  createPillarCompiler,
  HostRuntime,
  type RuntimeOptions,
  stateFunctions,
} from '@edge-run/shared/execute';
import { type Compiled, compiled, EdgeError, silentLogger } from '@edge-run/shared/kernel';
import { type Catalog, NO_MINE } from '@edge-run/shared/modules/contract';
import { mergeMaps } from '@edge-run/shared/pillar';
import { pillarOpts, templateOpts } from '@edge-run/shared/project';
import { createRenderer } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { CheckHost } from './hosts.ts';
import { absentHost, type FunctionAnswers, offlineFunctions } from './offline-functions.ts';
import { RememberedFiles } from './remembered-files.ts';
import { SEALED } from './sealed-values.ts';
import type { CheckedTree } from './tree.ts';
import { WalkedRoots } from './walked-roots.ts';

/** What everything of one check is rendered and compiled with. */
export interface Workshop {
  readonly states: RememberedFiles;
  readonly pillars: RememberedFiles;
  /** Every module there is, as declared. */
  readonly catalog: Catalog;
  readonly signal: AbortSignal;
  compilePillar(host: CheckHost): Promise<Compiled<PyMap>>;
  /** What renders as a host does that has this pillar. */
  runtimeOf(host: CheckHost, pillar: PyMap): HostRuntime;
  /** What renders pillar files, one by one. */
  pillarRuntimeOf(host: CheckHost): HostRuntime;
}

/** Nothing of a tree takes longer than this to render: a template that loops is told, and the check goes on. */
const RENDER_LIMITS = { deadlineMs: 10_000, maxIterations: 200_000 };

/** Makes a workshop for a tree. Nothing in it looks at this machine beyond the tree, or changes anything. */
export function createWorkshop(tree: CheckedTree, answers: FunctionAnswers, signal: AbortSignal): Workshop {
  const { settings } = tree;
  const states = new RememberedFiles(new WalkedRoots(tree.states));
  const pillars = new RememberedFiles(new WalkedRoots(tree.pillars));
  const declared = createCatalog();
  // Functions that run states are declared by a runtime.
  const { catalog } = new HostRuntime({ catalog: declared } as RuntimeOptions, stateFunctions);
  const offline = { functions: offlineFunctions(catalog.functions, answers), states: catalog.states };
  const { renderText, renderData } = createRenderer();
  const base = (host: CheckHost): Omit<RuntimeOptions, 'facts' | 'pillar'> => ({
    host: absentHost(host.id),
    catalog: offline,
    files: states,
    renderText: (request) => renderText({ ...request, limits: RENDER_LIMITS }),
    renderData: (request) => renderData({ ...request, limits: RENDER_LIMITS }),
    opts: optsOf(tree, host),
    ...(host.pillarenv === undefined ? {} : { pillarenv: host.pillarenv }),
    events: { send: (tag) => Promise.reject(new EdgeError('EDGE_NOT_SUPPORTED', `the event ${tag} reaches nobody`)) },
    mine: NO_MINE,
    log: silentLogger,
  });
  return {
    states,
    pillars,
    catalog,
    signal,
    compilePillar: async (host) => {
      if (host.pillar !== undefined) return compiled(host.pillar);
      const compile = createPillarCompiler({
        files: pillars,
        settings: pillarOpts(settings),
        base: base(host),
        decryption: SEALED,
      });
      return compile({ id: host.id, grains: host.grains, pillarenv: host.pillarenv, signal });
    },
    pillarRuntimeOf: (host) =>
      new HostRuntime({
        ...base(host),
        files: pillars,
        facts: () => Promise.resolve(host.grains),
        pillar: () => Promise.resolve(compiled(new PyMap())),
      }),
    runtimeOf: (host, pillar) =>
      new HostRuntime({
        ...base(host),
        facts: () => Promise.resolve(host.grains),
        pillar: ({ override }) => Promise.resolve(compiled(mergeMaps(pillar, override ?? new PyMap(), false))),
      }),
  };
}

/** Where a master brings its local fleet up that does not say where. */
const FLEET = {
  driver: 'local',
  home: '/var/lib/edge/fleet',
  network: '127.0.10',
  repositories: '/var/lib/edge/repositories',
};

/** The configuration as templates see it: of what only masters read, the same as they see there. */
function optsOf({ config, settings }: CheckedTree, { id, pillarenv }: CheckHost): PyMap {
  const { file_roots, pillar_roots, nodegroups, pillar_merge_lists } = settings;
  const { fleet } = config;
  return fromPlain({
    ...templateOpts(settings),
    ...{ id, file_roots, pillar_roots, nodegroups, pillar_merge_lists },
    fleet: { ...FLEET, ...(typeof fleet === 'object' ? fleet : {}) },
    ...(pillarenv === undefined ? {} : { pillarenv }),
    saltenv: 'base',
    file_client: 'local',
    __role: 'minion',
    __cli: 'salt-minion',
  }) as PyMap;
}
