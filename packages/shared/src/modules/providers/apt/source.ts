/** One place packages come from: a type, an address and a distribution. */
export interface AptSource {
  readonly type: 'deb' | 'deb-src';
  /** Options in brackets, in their order: `arch` → `amd64,arm64`. */
  readonly options: ReadonlyMap<string, string>;
  readonly uri: string;
  /** Release, or a path that ends with a slash. */
  readonly dist: string;
  readonly comps: readonly string[];
  readonly isDisabled: boolean;
  /** What stands behind `#` on the line; empty: nothing. */
  readonly comment: string;
}

const LINE =
  /^(?<off>\s*#[\s#]*)?\s*(?<type>deb(?:-src)?)\s+(?:\[(?<options>[^\]]*)\]\s*)?(?<uri>[A-Za-z][\w+.-]*:(?:\[[^\]]*\]|[^\s[\]#])+)\s+(?<dist>[^\s#,]+)(?<comps>[^#]*)(?:#(?<comment>.*))?$/;

/**
 * Reads a line of `sources.list(5)`; undefined where it is none. A line behind `#` that reads as one is a source that is
 * switched off.
 */
export function parseSourceLine(line: string): AptSource | undefined {
  const found = LINE.exec(line.trim())?.groups;
  if (found === undefined) return undefined;
  const { off, type, options = '', uri, dist = '', comps: named = '', comment = '' } = found;
  const comps = wordsOf(named);
  // A comment in prose can begin with `deb`; what it says is no source.
  if (dist.endsWith('/') ? comps.length > 0 : comps.some((comp) => !/^[\w./+-]+$/.test(comp))) return undefined;
  return {
    type: type as AptSource['type'],
    options: new Map(wordsOf(options).map(splitOption)),
    uri: uri!,
    dist,
    comps,
    isDisabled: off !== undefined,
    comment: comment.trim(),
  };
}

/** The line of a source, without its end. */
export function formatSourceLine({ type, options, uri, dist, comps, isDisabled, comment }: AptSource): string {
  const inBrackets = [...options].map(([name, value]) => `${name}=${value}`).join(' ');
  return [
    ...(isDisabled ? ['#'] : []),
    type,
    ...(inBrackets === '' ? [] : [`[${inBrackets}]`]),
    uri,
    dist,
    ...comps,
    ...(comment === '' ? [] : [`# ${comment}`]),
  ].join(' ');
}

/** Architectures a source is limited to; none: those of the host. */
export function architecturesOf({ options }: AptSource): readonly string[] {
  return (options.get('arch') ?? '').split(',').filter((arch) => arch !== '');
}

/** The key file or fingerprint a source is signed by; empty: any key the host trusts. */
export function signedBy({ options }: AptSource): string {
  return options.get('signed-by') ?? '';
}

/** Whether two sources are the same place, whatever their components and options. */
export function isSamePlace(one: AptSource, other: AptSource): boolean {
  return one.type === other.type && bareUri(one.uri) === bareUri(other.uri) && one.dist === other.dist;
}

function bareUri(uri: string): string {
  return uri.replace(/\/+$/, '');
}

function splitOption(word: string): [string, string] {
  const at = word.indexOf('=');
  return at === -1 ? [word.toLowerCase(), ''] : [word.slice(0, at).toLowerCase(), word.slice(at + 1)];
}

/** The words of a text. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s]+/).filter((word) => word !== '');
}
