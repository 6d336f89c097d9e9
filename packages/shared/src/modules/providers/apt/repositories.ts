import { type AptSource, architecturesOf, isSamePlace } from './source.ts';
import {
  addSource,
  type FoundSource,
  formatSourcesFile,
  isDeb822,
  parseSourcesFile,
  replaceSource,
  type SourcesFile,
  sourcesOf,
} from './sources-file.ts';

/** The file that sources without one of their own are in. */
export const MAIN_FILE = '/etc/apt/sources.list';

/** A source as it should be. */
export interface RepositoryGoal {
  readonly source: AptSource;
  /** Distribution by which it is also known, where it is to get another. */
  readonly formerDist?: string | undefined;
  /** File of a source that is new. */
  readonly file: string;
  /** Take everything else out of the file when the source is written. */
  readonly cleanFile?: boolean | undefined;
  /** When the source is written, first bring all one-line sources together in the main file. */
  readonly consolidate?: boolean | undefined;
}

/** A file that is to be written; `after` is absent for one that is to go. */
export interface SourcesEdit {
  readonly path: string;
  readonly before: string;
  readonly after?: string;
}

/** What there is of a source, and what has to be written for it to be as it should. */
export interface RepositoryPlan {
  readonly found: FoundSource | undefined;
  readonly edits: readonly SourcesEdit[];
}

/** Decides what has to be written for a source to be as it should; no edits: it is. */
export function planRepository(files: readonly SourcesFile[], asked: RepositoryGoal): RepositoryPlan {
  const isTogether = asked.consolidate === true && !isDeb822(asked.file);
  const goal = isTogether ? { ...asked, source: { ...asked.source, comment: '' }, file: MAIN_FILE } : asked;
  const asItIs = findRepository(files, goal);
  // As in Salt, a source that is as it should be moves nothing; what is written beside others stays a line of its own.
  if (asItIs !== undefined && fits(asItIs, goal.source)) return { found: asItIs, edits: [] };
  const together = asked.consolidate === true ? consolidated(files) : files;
  const found = findRepository(together, goal);
  const path = found?.path ?? goal.file;
  const file = together.find((other) => other.path === path) ?? { path, chunks: [] };
  const isCleaned = goal.cleanFile === true && path === goal.file;
  const source = found === undefined ? goal.source : adjusted(found, goal.source);
  const after =
    found === undefined || isCleaned
      ? addSource(isCleaned ? { path, chunks: [] } : file, source)
      : replaceSource(file, found, source);
  return { found, edits: editsBetween(files, [...together.filter((other) => other.path !== path), after]) };
}

/** The source that is meant: one that is as it should be, else one in use, else the first. */
export function findRepository(
  files: readonly SourcesFile[],
  { source, formerDist }: Pick<RepositoryGoal, 'source' | 'formerDist'>,
): FoundSource | undefined {
  const all = files.flatMap(sourcesOf);
  const among = (dist: string): readonly FoundSource[] =>
    all.filter((other) => isSamePlace(other.source, { ...source, dist }) && concerns(other.source, source));
  const here = among(source.dist);
  const candidates = here.length > 0 || formerDist === undefined ? here : among(formerDist);
  return (
    candidates.find((other) => fits(other, source)) ??
    candidates.find((other) => !other.source.isDisabled) ??
    candidates[0]
  );
}

/**
 * Takes a source away, or only those of its components that are named. A file below `sources.list.d` that has no source
 * left goes with it. @returns the edits; none: there is no such source
 */
export function removeRepository(files: readonly SourcesFile[], unwanted: AptSource): readonly SourcesEdit[] {
  const after = files.map((file) => {
    let result = file;
    for (;;) {
      const found = sourcesOf(result).find(
        ({ source }) =>
          isSamePlace(source, unwanted) && concerns(source, unwanted) && sharesComponent(source, unwanted),
      );
      if (found === undefined) break;
      const comps =
        unwanted.comps.length === 0 ? [] : found.source.comps.filter((comp) => !unwanted.comps.includes(comp));
      result = replaceSource(result, found, comps.length === 0 ? undefined : { ...found.source, comps });
    }
    return result;
  });
  const kept = after.filter(
    (file, index) => file === files[index] || file.path === MAIN_FILE || sourcesOf(file).length > 0,
  );
  return editsBetween(files, kept);
}

/** Salt's `consolidate`: one line for each place in the main file, no comments, no other files of one-line sources. */
function consolidated(files: readonly SourcesFile[]): readonly SourcesFile[] {
  const lines = new Map<string, AptSource>();
  const [stanzas, lists] = [files.filter(({ path }) => isDeb822(path)), files.filter(({ path }) => !isDeb822(path))];
  for (const { source } of lists.flatMap(sourcesOf)) {
    const { type, uri, dist, isDisabled, options } = source;
    const key = JSON.stringify([type, uri.replace(/\/+$/, ''), dist, isDisabled, [...options].sort()]);
    const known = lines.get(key)?.comps ?? [];
    lines.set(key, { ...source, comment: '', comps: [...new Set([...known, ...source.comps])] });
  }
  if (lines.size === 0) return files;
  const others = lists.filter((file) => file.path !== MAIN_FILE && sourcesOf(file).length === 0);
  const empty: SourcesFile = parseSourcesFile(MAIN_FILE, '');
  return [[...lines.values()].reduce(addSource, empty), ...others, ...stanzas];
}

/** A source that speaks of the same architectures and components, or of all. */
function concerns(source: AptSource, wanted: AptSource): boolean {
  const [there, asked] = [architecturesOf(source), architecturesOf(wanted)];
  const isOtherArch = there.length > 0 && asked.length > 0 && !there.some((arch) => asked.includes(arch));
  return !isOtherArch && (source.comps.length === 0 || wanted.comps.length === 0 || sharesComponent(source, wanted));
}

function sharesComponent(source: AptSource, { comps }: AptSource): boolean {
  return comps.length === 0 || source.comps.some((comp) => comps.includes(comp));
}

function fits(found: FoundSource, wanted: AptSource): boolean {
  const { source } = found;
  const becomes = adjusted(found, wanted);
  return (
    source.dist === becomes.dist &&
    source.isDisabled === becomes.isDisabled &&
    source.comment === becomes.comment &&
    [...source.comps].sort().join(' ') === [...becomes.comps].sort().join(' ') &&
    optionsText(source) === optionsText(becomes)
  );
}

/** The source that is there as it should be. What a stanza says beside what is wanted stays; a line is as its author wrote it. */
function adjusted({ path, source }: FoundSource, wanted: AptSource): AptSource {
  return {
    ...source,
    dist: wanted.dist,
    comps: wanted.comps,
    isDisabled: wanted.isDisabled,
    comment: wanted.comment === '' || isDeb822(path) ? source.comment : wanted.comment,
    options: isDeb822(path) ? new Map([...source.options, ...wanted.options]) : wanted.options,
  };
}

function optionsText({ options }: AptSource): string {
  return [...options]
    .map(([name, value]) => `${name}=${value.split(',').sort().join(',')}`)
    .sort()
    .join(' ');
}

function editsBetween(before: readonly SourcesFile[], after: readonly SourcesFile[]): readonly SourcesEdit[] {
  const texts = new Map(before.map((file) => [file.path, formatSourcesFile(file)]));
  const written = after.flatMap((file) => {
    const text = formatSourcesFile(file);
    return texts.get(file.path) === text ? [] : [{ path: file.path, before: texts.get(file.path) ?? '', after: text }];
  });
  const gone = before.filter(({ path }) => !after.some((file) => file.path === path));
  return [...written, ...gone.map(({ path }) => ({ path, before: texts.get(path)! }))];
}
