import { createRunnerCalls, keyWheels } from '@edge-run/master/runners';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';

type State = 'accepted' | 'pending' | 'rejected' | 'denied';

function keyring(keys: Record<string, State>) {
  const who: string[] = [];
  const wheels = createRunnerCalls(
    keyWheels({
      list: async () => Object.entries(keys).map(([id, state]) => ({ id, state, fingerprint: `SHA256:${id}` })),
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
  const call = async (name: string, kwargs: Record<string, Value> = {}) => {
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
  it('is done already where a step is done again after a crash, and says so for nobody', async () => {
    const { call, who, keys } = keyring({ web1: 'accepted', web2: 'pending', db1: 'rejected' });
    expect(await call('key.accept', { match: 'web*' })).toEqual({ minions: ['web1', 'web2'] });
    expect(await call('key.accept', { match: 'web*' })).toEqual({ minions: ['web1', 'web2'] });
    expect(who).toEqual(['web2 by run:1']);
    expect(await call('key.reject', { match: 'db1' })).toEqual({ minions_rejected: ['db1'] });
    expect(await call('key.delete', { match: 'gone*' })).toEqual([]);
    await expect(call('key.accept', { match: 'gone*' })).rejects.toMatchObject({ code: 'EDGE_KEY_UNKNOWN' });
    await expect(call('key.accept', { match: 'db1' })).rejects.toMatchObject({ code: 'EDGE_KEY_UNKNOWN' });
    expect(Object.keys(keys)).toHaveLength(3);
  });
  it('takes lists of ids', async () => {
    const { call, keys } = keyring({ web1: 'pending', web2: 'pending', web3: 'pending', db1: 'accepted' });
    const lists = (...ids: string[]) => ({ match: fromPlain({ minions_pre: ids }) });
    expect(await call('key.accept_dict', lists('web1', 'web2'))).toEqual({ minions: ['web1', 'web2'] });
    expect(keys.web3).toBe('pending');
    await expect(call('key.accept_dict', lists('web3', 'web9'))).rejects.toMatchObject({
      code: 'EDGE_KEY_UNKNOWN',
      message: expect.stringContaining('web9'),
    });
    expect(keys.web3).toBe('pending');
    expect(await call('key.reject_dict', lists('web3'))).toEqual({ minions_rejected: ['web3'] });
    expect(await call('key.delete_dict', { match: fromPlain({ minions: ['db1', 'db9'] }) })).toEqual(['db1']);
    expect(await call('key.finger', { match: 'web[12]' })).toEqual({
      minions: { web1: 'SHA256:web1', web2: 'SHA256:web2' },
    });
  });
  it('rejects and forgets', async () => {
    const { call, keys } = keyring({ web1: 'pending', web2: 'accepted', db1: 'accepted' });
    expect(await call('key.reject', { match: 'web?' })).toEqual({ minions_rejected: ['web1'] });
    expect(await call('key.delete', { match: 'web?' })).toEqual(['web1', 'web2']);
    expect(keys).toEqual({ db1: 'accepted' });
  });
});
