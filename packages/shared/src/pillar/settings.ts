import { type Compiled, compiled, type Diagnostic } from '../kernel/index.ts';
import { didYouMean } from '../schema/index.ts';
import { PyMap, type Value } from '../values/index.ts';
import { MERGE_STRATEGIES, type MergeStrategy } from './merge.ts';

/** What the configuration says about compiling pillars. */
export interface PillarSettings {
  readonly strategy: MergeStrategy;
  readonly mergeLists: boolean;
  readonly renderer: string;
  /** What an SLS includes wins over the SLS itself (`pillar_includes_override_sls`). */
  readonly includesOverride: boolean;
  /** External sources come before the files and can be seen by them (`ext_pillar_first`). */
  readonly externalFirst: boolean;
  readonly topName: string;
  readonly nodegroups: Readonly<Record<string, string | readonly string[]>>;
  /** Paths whose values are decrypted after everything was merged, and by what (`decrypt_pillar`). */
  readonly decrypt: readonly DecryptedPath[];
}

/** An entry of `decrypt_pillar`. */
export interface DecryptedPath {
  /** Keys from the top. */
  readonly path: readonly string[];
  /** `gpg` or `age`. */
  readonly renderer: string;
}

/** Settings of a configuration that says nothing. */
export const defaultPillarSettings: PillarSettings = {
  strategy: 'smart',
  mergeLists: false,
  renderer: 'jinja|yaml',
  includesOverride: false,
  externalFirst: false,
  topName: 'top.sls',
  nodegroups: {},
  decrypt: [],
};

const DECRYPTORS: readonly string[] = ['gpg', 'age'];

/** Reads Salt's option names (`pillar_source_merging_strategy`, `pillar_merge_lists`, …) out of a configuration. */
export function pillarSettings(opts: PyMap): Compiled<PillarSettings> {
  const diagnostics: Diagnostic[] = [];
  const strategy = opts.get('pillar_source_merging_strategy') ?? 'smart';
  if (!isStrategy(strategy)) {
    const name = String(strategy);
    diagnostics.push({
      severity: 'error',
      code: 'EDGE_CONFIG_INVALID',
      summary: `pillar_source_merging_strategy: there is no strategy \`${name}\``,
      detail: didYouMean(name, MERGE_STRATEGIES) || `strategies: ${MERGE_STRATEGIES.join(', ')}`,
    });
  }
  const decrypt = decryptedPaths(opts, diagnostics);
  const { renderer, topName } = defaultPillarSettings;
  return compiled(
    {
      strategy: isStrategy(strategy) ? strategy : 'smart',
      mergeLists: opts.get('pillar_merge_lists') === true,
      renderer: textOr(opts.get('renderer'), renderer),
      includesOverride: opts.get('pillar_includes_override_sls') === true,
      externalFirst: opts.get('ext_pillar_first') === true,
      topName: textOr(opts.get('state_top'), topName).replace(/^(?:salt|edge):\/\//, ''),
      nodegroups: nodegroupsOf(opts.get('nodegroups') ?? null),
      decrypt,
    },
    diagnostics,
  );
}

/** Entries are paths, or a path each with its renderer (Salt 3006 pillar/__init__.py, decrypt_pillar). */
function decryptedPaths(opts: PyMap, diagnostics: Diagnostic[]): readonly DecryptedPath[] {
  const entries = opts.get('decrypt_pillar') ?? [];
  const delimiter = textOr(opts.get('decrypt_pillar_delimiter'), ':');
  const usual = textOr(opts.get('decrypt_pillar_default'), 'gpg');
  const invalid = (summary: string, detail: string): void => {
    diagnostics.push({ severity: 'error', code: 'EDGE_CONFIG_INVALID', summary: `decrypt_pillar: ${summary}`, detail });
  };
  if (!Array.isArray(entries)) {
    invalid('a list of paths is wanted', "decrypt_pillar: ['secrets:vault']");
    return [];
  }
  return entries.flatMap((entry): readonly DecryptedPath[] => {
    const [path, renderer] = entry instanceof PyMap && entry.size === 1 ? [...entry][0]! : [entry, usual];
    if (typeof path !== 'string' || typeof renderer !== 'string') {
      invalid('an entry is a path, or a path with its renderer', "- 'secrets:vault': gpg");
      return [];
    }
    if (!DECRYPTORS.includes(renderer)) {
      invalid(
        `nothing decrypts with \`${renderer}\``,
        didYouMean(renderer, DECRYPTORS) || `renderers: ${DECRYPTORS.join(', ')}`,
      );
      return [];
    }
    return [{ path: path.split(delimiter), renderer }];
  });
}

function isStrategy(value: Value): value is MergeStrategy {
  return (MERGE_STRATEGIES as readonly Value[]).includes(value);
}

function textOr(value: Value | undefined, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

function nodegroupsOf(value: Value): Readonly<Record<string, string | readonly string[]>> {
  if (!(value instanceof PyMap)) return {};
  return Object.fromEntries(
    [...value].map(([name, words]) => [String(name), Array.isArray(words) ? words.map(String) : String(words)]),
  );
}
