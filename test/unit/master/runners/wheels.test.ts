import { createRunnerCalls, keyWheels } from '@edge-run/master/runners';
import { PyMap, toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';

type State = 'accepted' | 'pending' | 'rejected' | 'denied';

function keyring(keys: Record<string, State>) {
  const who: string[] = [];
  const wheels = createRunnerCalls(
    keyWheels({
      list: async () => Object.entries(keys).map(([id, state]) => ({ id, state })),
      async accept(id, by) {
        keys[id] = 'accepted';
        who.push(`${id} by ${by}`);
      },
      async reject(id) {
        keys[id] = 'rejected';
      },
      async delete(id) {
        delete keys[id];
      },
    }),
  );
  const call = async (name: string, kwargs: Record<string, string | boolean> = {}) => {
    const request = { name, args: [], kwargs: new Map(Object.entries(kwargs)), by: 'run:1', key: 'k' };
    const { answer } = await wheels.call({ ...request, signal: new AbortController().signal, report: () => {} });
    return answer instanceof PyMap || Array.isArray(answer) ? toPlain(answer) : answer;
  };
  return { keys, who, call };
}

describe('keyWheels', () => {
  it('lists keys under the names of Salt', async () => {
    const { call } = keyring({ web1: 'accepted', web2: 'pending', db1: 'rejected' });
    expect(await call('key.list', { match: 'accepted' })).toEqual({ minions: ['web1'] });
    expect(await call('key.list', { match: 'un' })).toEqual({ minions_pre: ['web2'] });
    expect(await call('key.list_all')).toEqual({
      minions: ['web1'],
      minions_pre: ['web2'],
      minions_rejected: ['db1'],
      minions_denied: [],
    });
    expect(await call('key.name_match', { match: 'web*' })).toEqual({ minions: ['web1'], minions_pre: ['web2'] });
  });
  it('accepts what waits and matches, and nothing that was rejected unless told', async () => {
    const { call, keys, who } = keyring({ web1: 'pending', web2: 'rejected', db1: 'pending' });
    expect(await call('key.accept', { match: 'web*' })).toEqual({ minions: ['web1'] });
    expect(keys).toEqual({ web1: 'accepted', web2: 'rejected', db1: 'pending' });
    expect(who).toEqual(['web1 by run:1']);
    await expect(call('key.accept', { match: 'web2' })).rejects.toMatchObject({ code: 'EDGE_KEY_UNKNOWN' });
    await call('key.accept', { match: 'web2', include_rejected: true });
    expect(keys.web2).toBe('accepted');
  });
  it('rejects and forgets', async () => {
    const { call, keys } = keyring({ web1: 'pending', web2: 'accepted', db1: 'accepted' });
    expect(await call('key.reject', { match: 'web?' })).toEqual({ minions_rejected: ['web1'] });
    expect(await call('key.delete', { match: 'web?' })).toEqual(['web1', 'web2']);
    expect(keys).toEqual({ db1: 'accepted' });
  });
});
