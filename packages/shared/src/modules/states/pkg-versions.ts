import type { HostReader } from '../../host/index.ts';
import { globMatches } from '../../target/index.ts';
import type { PackageProvider, PackageRequest, VersionRelation } from '../providers/pkg/index.ts';

const RELATIONS: Readonly<Record<string, VersionRelation>> = {
  '<': 'lt',
  '<=': 'le',
  '=': 'eq',
  '==': 'eq',
  '>=': 'ge',
  '>': 'gt',
};

/** A version or pattern that a package manager can be asked for; it has no word for comparisons. */
export function isAskedFor(version: string | undefined): boolean {
  return version !== undefined && version !== 'latest' && !/^\s*[<>=!]/.test(version);
}

/** Whether an installed version is what was asked for: a version, a pattern, or comparisons with commas between. */
export async function satisfies(
  provider: PackageProvider,
  host: HostReader,
  { name, version: wanted }: PackageRequest,
  now: string,
  newerIsFine: boolean,
): Promise<boolean> {
  if (wanted === undefined || wanted === now) return true;
  if (wanted === 'latest') return (await provider.candidate(host, name)) === now;
  if (isAskedFor(wanted))
    return globMatches(wanted, now) || (newerIsFine && (await provider.compare(host, now, 'ge', wanted)));
  for (const part of wanted.split(',')) {
    const [, sign = '', version = ''] = /^\s*([<>=!]*)\s*(.*?)\s*$/.exec(part) ?? [];
    const relation = RELATIONS[sign];
    const holds =
      relation === undefined
        ? globMatches(version, now) !== (sign === '!=')
        : await provider.compare(host, now, relation, version);
    if (!holds) return false;
  }
  return true;
}
