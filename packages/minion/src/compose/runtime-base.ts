import { join } from 'node:path';
import { createCatalog, type RuntimeOptions } from '@edge-run/shared/execute';
import { LocalHost } from '@edge-run/shared/host';
import { type Logger, systemClock } from '@edge-run/shared/kernel';
import { type CommandGrain, type GrainSources, gatherGrains, KeptFacts } from '@edge-run/shared/modules/facts';
import { templateOpts } from '@edge-run/shared/project';
import { createRenderer } from '@edge-run/shared/render';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import type { MinionConfig } from '../config/index.ts';

/** What a minion brings to its jobs by itself: this machine, every module, its facts and configuration. */
export type RuntimeBase = Omit<RuntimeOptions, 'files' | 'pillar' | 'events' | 'mine'> &
  Required<Pick<RuntimeOptions, 'refreshFacts'>>;

/** What differs between a minion with a master and one without. */
export interface RuntimeBaseOptions {
  /** Adds to what templates see of the configuration. */
  readonly opts?: object;
  /** Told when the facts have changed. */
  readonly onFacts?: (facts: PyMap) => Promise<void>;
  /** What the machine says about itself, asked already; only the first look at the facts goes without asking. */
  readonly machine?: Promise<PyMap>;
}

/** This machine as its configuration describes it. */
export function runtimeBase(
  config: MinionConfig,
  log: Logger,
  { opts = {}, onFacts, machine }: RuntimeBaseOptions = {},
): RuntimeBase {
  const { id, home, pillarenv, services_dir, services_run_dir, mine_functions } = config;
  const host = new LocalHost({ id, ...(home === undefined ? {} : { home }) });
  const grains_file = config.grains_file ?? join(config.data_dir, 'grains');
  const cachedir = join(config.data_dir, 'cache');
  const everyMs = config.grains_refresh_every * 60_000;
  let asked = machine;
  const facts = new KeptFacts({
    gather: () => {
      const first = asked;
      asked = undefined;
      return gatherGrains(host, grainSources(config, grains_file), log, first);
    },
    keepMs: everyMs === 0 ? Number.POSITIVE_INFINITY : everyMs,
    clock: systemClock,
    ...(onFacts === undefined ? {} : { onChange: onFacts }),
  });
  const { pillar_source_merging_strategy, pillar_merge_lists } = config;
  const merging = { pillar_source_merging_strategy, pillar_merge_lists };
  const own = { id, services_dir, services_run_dir, pillarenv, mine_functions, grains_file, cachedir, ...merging };
  return {
    host,
    catalog: createCatalog(),
    ...createRenderer(),
    facts: () => facts.current(),
    refreshFacts: () => facts.refresh(),
    // Formulas ask under which program they run: map.jinja merges configuration only for the agent.
    opts: mapOf({ ...own, saltenv: 'base', __role: 'minion', __cli: 'salt-minion', ...templateOpts(config), ...opts }),
    ...(pillarenv === undefined ? {} : { pillarenv }),
    log,
  };
}

function grainSources(config: MinionConfig, file: string): GrainSources {
  const { role, grains, grains_commands, grains_deep_merge } = config;
  const commands = Object.entries(grains_commands).map(
    ([name, { command, format, timeout }]): [string, CommandGrain] => [
      name,
      { command, format, timeoutMs: timeout * 1000 },
    ],
  );
  return {
    file,
    commands: Object.fromEntries(commands),
    configured: mapOf({ role, ...grains }),
    deepMerge: grains_deep_merge,
  };
}

function mapOf(plain: object): PyMap {
  return fromPlain(plain) as PyMap;
}
