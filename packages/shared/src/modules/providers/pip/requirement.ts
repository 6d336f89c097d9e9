import { satisfies, validRange } from '@renovatebot/pep440';

/** What pip is asked for: a package, in some versions, from somewhere. */
export interface Requirement {
  /** As it was written. */
  readonly text: string;
  /** Name of the package, written one way only; undefined where only its source would tell. */
  readonly name?: string;
  /** Versions (PEP 440); empty: any. */
  readonly specifier: string;
  /** Condition (PEP 508) on which it is wanted at all; empty: always. */
  readonly marker: string;
}

/** The options of a requirements file that name another one. */
export interface RequirementsFile {
  readonly requirements: readonly Requirement[];
  readonly includes: readonly string[];
}

const NAMED = /^(?<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?<rest>.*)$/s;

/** One way of writing a name: pip takes `Foo_Bar` and `foo.bar` for the same (PEP 503). */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** Reads what stands for one package; undefined where it cannot be read. */
export function parseRequirement(text: string): Requirement | undefined {
  const bare = text.trim();
  if (bare === '') return undefined;
  if (isAddress(bare)) return { text: bare, ...nameOfAddress(bare), specifier: '', marker: '' };
  const { name, rest } = NAMED.exec(bare)?.groups ?? {};
  if (name === undefined || rest === undefined) return undefined;
  const isDirect = rest.startsWith('@');
  // Behind an address a condition is set off by a space: a semicolon may be part of it.
  const [first = '', ...conditions] = rest.split(isDirect ? /\s;/ : ';');
  const specifier = isDirect ? '' : first.replace(/^\((.*)\)\s*$/, '$1').replace(/\s+/g, '');
  if (specifier !== '' && !validRange(specifier)) return undefined;
  return { text: bare, name: normalName(name), specifier, marker: conditions.join(';').trim() };
}

/** Whether an installed version is one of those wanted; undefined: not installed. */
export function isSatisfied({ specifier }: Requirement, version: string | undefined): boolean {
  if (version === undefined) return false;
  // As pip does: a pre-release that is installed counts.
  return specifier === '' || satisfies(version, specifier, { prereleases: true });
}

/** Reads a requirements file (`pip install -r`); what cannot be read is left to pip. */
export function parseRequirements(text: string): RequirementsFile {
  const lines = text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
  const requirements: Requirement[] = [];
  const includes: string[] = [];
  for (const line of lines) {
    const included = /^(?:-r|--requirement)(?:\s+|=)?(.+)$/.exec(line)?.[1];
    if (included !== undefined) includes.push(included.trim());
    const wanted = /^(?:-e|--editable)(?:\s+|=)(.+)$/.exec(line)?.[1] ?? (line.startsWith('-') ? '' : line);
    // Options of one line stand behind it: --hash=…, --config-settings=….
    const requirement = parseRequirement(wanted.replace(/\s--?[a-z].*$/, ''));
    if (requirement !== undefined) requirements.push(requirement);
  }
  return { requirements, includes };
}

function isAddress(text: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|[./~])/i.test(text) || /\.(?:whl|tar\.gz|zip)$/.test(text);
}

/** `#egg=name`, or the name that a wheel or an archive has. */
function nameOfAddress(address: string): { readonly name?: string } {
  const egg = /[#&]egg=([\w.-]+)/.exec(address)?.[1];
  const file = /([^/]+?)-\d[^/]*\.(?:whl|tar\.gz|zip)(?:[#?].*)?$/.exec(address)?.[1];
  const name = egg ?? file;
  return name === undefined ? {} : { name: normalName(name) };
}
