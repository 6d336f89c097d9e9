import { createHash } from 'node:crypto';
import type { ReactionChunk } from '@edge-run/shared/orchestration';
import type { EdgeEvent } from '@edge-run/shared/protocol';

/** An id of the usual form: it sorts by time, and so does what begins with it. */
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const KEY_IN_TAG = /-r(\d{1,3})-[0-9a-f]{12}/g;

/**
 * The key of a call: the same each time the same event leads to the same chunk, so that a run or job of that id is
 * attached to instead of started again. It also says how long the chain of causes is: runs, their steps and their jobs
 * have ids that begin with it and events that name it in their tags, whoever publishes them, so that chains are seen
 * through every master and restart.
 */
export function reactionKey(event: EdgeEvent, chunk: ReactionChunk): string {
  const { sls, id, client, fun, low } = chunk;
  const start = ULID.test(event.id) ? event.id : digest(event.id).slice(0, 26);
  const what = digest(JSON.stringify([event.id, sls, id, client, fun, String(low.get('name'))])).slice(0, 12);
  return `${start}-r${chainLength(event) + 1}-${what}`;
}

/** How many reactions led to an event. */
export function chainLength(event: Pick<EdgeEvent, 'tag' | 'depth'>): number {
  const named = [...event.tag.matchAll(KEY_IN_TAG)].map(([, depth]) => Number(depth));
  return Math.max(event.depth ?? 0, ...named);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
