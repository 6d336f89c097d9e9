import type { SourceRange } from '../../kernel/index.ts';
import type { Chunk } from '../contract.ts';
import { buildGraph } from '../engine/index.ts';
import { report, type Tree } from './tree.ts';

/** Circles reported at most; more say nothing new. */
const REPORTED = 20;

/** Reports every circle of requisites, with all its members. */
export function reportCycles(tree: Tree, chunks: readonly Chunk[]): void {
  const { cycles, nodes } = buildGraph({ chunks });
  for (const cycle of cycles.slice(0, REPORTED)) {
    const members = cycle.map((node) => nodes[node]!);
    const texts = [...members, members[0]!].map(({ kind, chunk }) =>
      kind === 'foresee' ? `the look ahead at ${chunk.state}: ${chunk.id}` : `${chunk.state}: ${chunk.id}`,
    );
    const places = members.flatMap(({ chunk }): readonly SourceRange[] =>
      chunk.place === undefined ? [] : [chunk.place],
    );
    report(
      { diagnostics: tree.unresolved, broken: tree.broken },
      {
        code: 'EDGE_STATE_REQUISITE_RECURSIVE',
        summary: `A recursive requisite was found in SLS '${members[0]!.chunk.sls}': ${texts.join(' → ')}`,
        detail: 'each waits for the next one; take one of these requisites out',
        place: places[0],
        chain: places.slice(1).map((place) => ({ ...place, role: 'other' })),
      },
    );
  }
}
