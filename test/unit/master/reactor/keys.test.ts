import { chainLength, reactionKey } from '@edge-run/master/reactor';
import { newId, requireCompiled } from '@edge-run/shared/kernel';
import { compileReaction, type ReactionChunk } from '@edge-run/shared/orchestration';
import { loadSls } from '@edge-run/shared/render';
import { describe, expect, it } from 'vitest';

const chunk = (name: string): ReactionChunk => {
  const rendered = requireCompiled(loadSls(`${name}: {local.test.ping: [{tgt: x}]}`, { path: 'a.sls' }));
  return compileReaction([{ sls: 'a.sls', rendered }]).chunks[0]!;
};
const event = { id: newId(), tag: 'a/b', data: null, at: 0, source: 'master:m1' };

describe('reactionKey', () => {
  it('is the same for the same event and chunk, and another for another', () => {
    expect(reactionKey(event, chunk('x'))).toBe(reactionKey({ ...event }, chunk('x')));
    expect(reactionKey(event, chunk('x'))).not.toBe(reactionKey(event, chunk('y')));
    expect(reactionKey(event, chunk('x'))).not.toBe(reactionKey({ ...event, id: newId() }, chunk('x')));
  });

  it('can be the id of a job, whatever the id of the event', () => {
    expect(reactionKey(event, chunk('x'))).toMatch(/^[A-Za-z0-9_-]{1,60}$/);
    expect(reactionKey({ ...event, id: 'run/1 é' }, chunk('x'))).toMatch(/^[A-Za-z0-9_-]{1,60}$/);
  });

  it('lets the events of what it started tell the length of the chain', () => {
    const first = reactionKey(event, chunk('x'));
    const runEvent = { ...event, id: newId(), tag: `run/${first}/step/ended` };
    expect(chainLength(event)).toBe(0);
    expect(chainLength(runEvent)).toBe(1);
    const second = reactionKey(runEvent, chunk('x'));
    expect(chainLength({ tag: `salt/job/${second}-0a1b2c3d4e5f/ret/web1` })).toBe(2);
    expect(chainLength({ tag: 'a', depth: 4 })).toBe(4);
  });
});
