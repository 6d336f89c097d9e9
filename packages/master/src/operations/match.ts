import type { OperationAnswer, OperationArgs } from '@edge-run/shared/protocol';
import type { MatchReason } from '@edge-run/shared/target';
import type { Nodes } from '../nodes/index.ts';

type Match = OperationAnswer<'match'>;
type MatchPart = NonNullable<Match['hosts']>[number]['parts'][number];

/** Whom a target selects and, where asked for, why each host is or is not among them. @throws DiagnosticsError */
export async function matchTarget(
  nodes: Nodes,
  { target, explain, transport }: OperationArgs<'match'>,
): Promise<Match> {
  const { expr, type, delimiter } = target;
  const { matched, missing } = await nodes.select(expr, type, { delimiter });
  const ids = matched.map(({ id }) => id).filter((id) => transport !== 'ssh' || nodes.kindOf(id) === 'ssh');
  const answer = { ids, missing: [...missing] };
  if (explain !== true) return answer;
  const reasons = await nodes.explain(expr, type, delimiter);
  return {
    ...answer,
    hosts: reasons.map(({ id, reason }) => {
      const { matched: isMatched, because, parts } = reason;
      return { id, matched: isMatched, because, parts: parts.flatMap(leavesOf) };
    }),
  };
}

/** The parts that look at a host themselves. */
function leavesOf({ target, matched, because, parts }: MatchReason): MatchPart[] {
  return parts.length === 0 ? [{ target, matched, because }] : parts.flatMap(leavesOf);
}
