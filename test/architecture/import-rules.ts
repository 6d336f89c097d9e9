import { readdirSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { parseSync } from 'oxc-parser';

/** An import that points where it must not. */
export interface Violation {
  readonly file: string;
  readonly imports: string;
  readonly why: string;
}

/** The folders of a package from the bottom up; those of one inner list stand side by side and do not see each other. */
export type Layers = readonly (readonly string[])[];

export const SHARED_LAYERS: Layers = [
  ['kernel'],
  ['logging'],
  ['values'],
  ['schema'],
  ['protocol'],
  ['view'],
  ['bus'],
  ['host'],
  ['target'],
  ['policy'],
  ['files'],
  ['render'],
  ['top'],
  ['roster'],
  ['schedule'],
  ['pillar'],
  ['project'],
  ['modules'],
  ['state'],
  ['execute'],
  ['orchestration'],
];

export const MASTER_LAYERS: Layers = [
  ['config', 'jetstream'],
  ['broker', 'journal', 'loadbalancer', 'metrics', 'secrets'],
  ['bundles', 'leases'],
  ['events', 'nodes', 'jobs', 'ssh', 'keys', 'canary', 'cloud'],
  ['returners'],
  ['orchestration'],
  ['deployments', 'reactor', 'scheduler', 'runners'],
  ['simulation'],
  ['gateway'],
  ['operations', 'api'],
  ['compose'],
  ['main'],
];

/** Packages of ours a package may import. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  minion: ['shared'],
  master: ['shared'],
  cli: ['shared'],
};

/** Every TypeScript file below `dir`. */
export function sourceFiles(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(dir, name));
}

/** The module names a source text imports or re-exports from, types included. */
export function importsOf(file: string, text: string): readonly string[] {
  const { module, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  const names = [
    ...module.staticImports.map((entry) => entry.moduleRequest.value),
    ...module.staticExports.flatMap((entry) => entry.entries.map(({ moduleRequest }) => moduleRequest?.value)),
    ...module.dynamicImports.map(({ moduleRequest }) =>
      text.slice(moduleRequest.start, moduleRequest.end).replace(/^['"]|['"]$/g, ''),
    ),
  ];
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** What is wrong with the imports of one file of a package whose sources are in `root`. */
export function checkFile(
  packageName: string,
  root: string,
  file: string,
  text: string,
  layers: Layers,
): readonly Violation[] {
  const here = layerOf(root, file);
  return importsOf(file, text).flatMap((name) => {
    const why = name.startsWith('@edge-run/')
      ? packageProblem(packageName, name)
      : name.startsWith('.')
        ? layerProblem(here, layerOf(root, normalize(join(dirname(file), name))), layers)
        : undefined;
    return why === undefined ? [] : [{ file: relative(root, file), imports: name, why }];
  });
}

function packageProblem(from: string, name: string): string | undefined {
  const [, to = ''] = name.split('/');
  if (PACKAGES[from]!.includes(to)) return undefined;
  return to === from ? 'a package imports its own files by relative paths' : `${from} may not import ${to}`;
}

function layerProblem(from: string, to: string, layers: Layers): string | undefined {
  if (from === to || layers.length === 0) return undefined;
  const rank = (layer: string): number => layers.findIndex((side) => side.includes(layer));
  if (rank(from) < 0) return `the folder ${from} is in no layer`;
  if (rank(to) < 0) return `the folder ${to} is in no layer`;
  return rank(to) < rank(from) ? undefined : `${from} stands below or beside ${to}`;
}

/** The first folder below the root, or the file's own name for a file that lies there. */
function layerOf(root: string, file: string): string {
  return relative(root, file).split(sep)[0]!.replace(/\.ts$/, '');
}
