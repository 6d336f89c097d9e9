import { EdgeError, type JsonObject } from '@edge-run/shared/kernel';
import { didYouMean } from '@edge-run/shared/schema';

/** No such pool; suggests from the pools there are. */
export function unknownPool(where: string, pool: string, pools: readonly string[]): EdgeError {
  return new EdgeError(
    'EDGE_LB_UNKNOWN_POOL',
    `${where} has no backend \`${pool}\``,
    { pool, pools },
    {
      hint: suggestion(pool, pools, 'Backends'),
    },
  );
}

/** No such member; suggests from those of the pool. */
export function unknownMember(where: string, pool: string, member: string, members: readonly string[]): EdgeError {
  return new EdgeError(
    'EDGE_LB_UNKNOWN_MEMBER',
    `backend \`${pool}\` of ${where} has no server \`${member}\``,
    { pool, member, members },
    { hint: suggestion(member, members, `Servers of \`${pool}\``) },
  );
}

/** The member did not come up in time; `seen` is the last thing the load balancer said about it. */
export function memberNotUp(pool: string, member: string, seen: string, details: JsonObject, hint: string): EdgeError {
  return new EdgeError(
    'EDGE_LB_MEMBER_NOT_UP',
    `${pool}/${member} did not come up in time; the last look said ${seen}`,
    { pool, member, ...details },
    { hint },
  );
}

function suggestion(word: string, known: readonly string[], what: string): string {
  const list = known.length === 0 ? `${what}: none.` : `${what}: ${known.join(', ')}.`;
  const guess = didYouMean(word, known);
  return guess === '' ? list : `${guess} ${list}`;
}
