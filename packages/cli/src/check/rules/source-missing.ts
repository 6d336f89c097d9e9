import { didYouMean } from '@edge-run/shared/schema';
import type { Chunk } from '@edge-run/shared/state';
import type { Value } from '@edge-run/shared/values';
import { type Finding, finding, type Rule } from './rule.ts';

/** States that take a file from the file roots. */
const TAKES_SOURCE = /^(?:file\.(?:managed|append|prepend|recurse|patch|blockreplace)|cmd\.script)$/;

/** `source: salt://…` of files that are not there. */
export const sourceMissing: Rule = {
  code: 'EDGE_SOURCE_MISSING',
  severity: 'error',
  units: ['highstate', 'sls', 'orchestration'],
  find: async (unit, { hasFile, filesOf }) => {
    const found: Finding[] = [];
    for (const chunk of unit.chunks) {
      const uris = sourcesOf(chunk);
      // Of several, the first that is there is taken.
      const there = await Promise.all(uris.map((uri) => hasFile(uri, chunk.env)));
      if (uris.length === 0 || there.includes(true)) continue;
      const [uri = ''] = uris;
      const near = didYouMean(
        uri,
        (await filesOf(chunk.env)).map((path) => `salt://${path}`),
      );
      const summary = `${uri} of \`${chunk.id}\` is not below the file roots`;
      found.push(finding(summary, near || `the environment is ${chunk.env}`, unit.placeOf(chunk, 'source')));
    }
    return found;
  },
};

/** Sources within the tree; none when one of them is elsewhere. */
function sourcesOf({ state, fun, args, name }: Chunk): readonly string[] {
  const kind = `${state}.${fun}`;
  if (!TAKES_SOURCE.test(kind)) return [];
  const source: Value | undefined = args.get('source') ?? (kind === 'cmd.script' ? name : undefined);
  const all = (Array.isArray(source) ? source : [source]).map(String);
  const own = all.filter((uri) => /^(?:salt|edge):\/\//.test(uri) && !uri.includes('|'));
  return own.length === all.length && kind !== 'file.recurse' ? own : [];
}
