import { afterAll, beforeAll, expect, test } from 'vitest';
import { OwnFleet } from '../../support/own-fleet.ts';
import { eventually, killHard, processWith } from '../../support/processes.ts';

let fleet: OwnFleet;
beforeAll(async () => {
  fleet = await OwnFleet.start({
    config: 'nodegroups: {webs: "web*"}',
    files: {
      'pillars/top.sls': "base:\n  '*':\n    - mine\n  'web2':\n    - peers\n",
      'pillars/mine.sls':
        'tier: {{ "front" if grains["id"].startswith("web") else "back" }}\nmine_functions:\n  who: {mine_function: grains.get, key: id}\n  test.echo: [from-pillar]\n',
      'pillars/peers.sls': "peers: {{ salt['mine.get']('db*', 'who').keys() | list | json }}\n",
      'states/peers.sls': [
        "{% for id, who in salt['mine.get']('web*', 'who') | dictsort %}",
        'peer {{ id }}:',
        '  test.configurable_test_state:',
        '    - changes: False',
        '    - result: True',
        '    - comment: {{ who }}',
        '{% endfor %}',
      ].join('\n'),
      'orch/peers.sls':
        "{% for id in salt['mine.get']('N@webs', 'who', 'compound') | sort %}\nfound {{ id }}:\n  test.succeed_without_changes: []\n{% endfor %}\n",
    },
  });
  const functions = {
    'test.echo': ['from-config'],
    secret: [{ mine_function: 'test.echo' }, 'only for db', { allow_tgt: 'db*' }],
    broken: { mine_function: 'no.such' },
  };
  await fleet.startMinion('web1', { mine_functions: functions, grains: { role: 'web' } });
  await fleet.startMinion('web2');
  await fleet.startMinion('db1');
  await eventually(async () => Object.keys(await mined('*', 'who')).length === 3, 'everybody has published');
});
afterAll(() => fleet.stop());

const mined = async (tgt: string, fun: string, tgt_type = 'glob'): Promise<Record<string, unknown>> =>
  (await fleet.runner('mine.get', [tgt, fun, tgt_type])) as Record<string, unknown>;

test('functions of configuration and pillar are published; the configuration wins', async () => {
  expect(await mined('*', 'who')).toEqual({ db1: 'db1', web1: 'web1', web2: 'web2' });
  expect(await mined('*', 'test.echo')).toEqual({ db1: 'from-pillar', web1: 'from-config', web2: 'from-pillar' });
  expect(await mined('*', 'who,test.echo')).toEqual({
    who: { db1: 'db1', web1: 'web1', web2: 'web2' },
    'test.echo': { db1: 'from-pillar', web1: 'from-config', web2: 'from-pillar' },
  });
});

test.each([
  ['web?', 'glob', ['web1', 'web2']],
  ['web1,db1', 'list', ['db1', 'web1']],
  ['^(db|web2)', 'pcre', ['db1', 'web2']],
  ['role:web', 'grain', ['web1']],
  ['role:w.b', 'grain_pcre', ['web1']],
  ['tier:front', 'pillar', ['web1', 'web2']],
  ['web* and not G@role:web', 'compound', ['web2']],
  ['webs', 'nodegroup', ['web1', 'web2']],
  ['127.0.0.0/8', 'ipcidr', ['db1', 'web1', 'web2']],
])('a minion asks for %s (%s)', async (target, type, ids) => {
  const found = (await fleet.run('db1', 'mine.get', [target, 'who', type])) as object;
  expect(Object.keys(found).sort()).toEqual(ids);
});

test('a range is refused with a reason, where no range server is', async () => {
  await expect(fleet.run('db1', 'mine.get', ['%webs', 'who', 'range'])).rejects.toThrow(/no range source/);
});

test('a minion cannot feel its way through pillars with patterns', async () => {
  expect(await fleet.run('db1', 'mine.get', ['tier:fr*', 'who', 'pillar'])).toEqual({});
  expect(await fleet.run('db1', 'mine.get', ['I@tier:fr*', 'who', 'compound'])).toEqual({});
  expect(await mined('tier:fr*', 'who', 'pillar')).toEqual({ web1: 'web1', web2: 'web2' });
});

test('allow_tgt: only those it names read it', async () => {
  expect(await fleet.run('db1', 'mine.get', ['*', 'secret'])).toEqual({ web1: 'only for db' });
  expect(await fleet.run('web2', 'mine.get', ['*', 'secret'])).toEqual({});
  expect(await fleet.run('web1', 'mine.get', ['*', 'secret'])).toEqual({});
});

test('templates of states, pillars and orchestrations read it', async () => {
  const states = Object.values(
    (await fleet.run('db1', 'state.apply', ['peers'])) as Record<string, { comment: string }>,
  );
  expect(states.map(({ comment }) => comment)).toEqual(['web1', 'web2']);
  await fleet.run('web2', 'saltutil.refresh_pillar');
  const { values } = (await fleet.ask('pillar.show', {
    target: { expr: 'web2', type: 'list' },
    key: 'peers',
  })) as { values: Record<string, unknown> };
  expect(values.web2).toEqual(['db1']);
  const { data } = (await fleet.runner('state.orchestrate', ['orch.peers'])) as { data: { master: object } };
  expect(Object.keys(data.master).map((key) => /found [a-z0-9]+/.exec(key)?.[0])).toEqual(['found web1', 'found web2']);
});

test('send, valid, delete and flush', async () => {
  expect(await fleet.run('db1', 'mine.send', ['port', 5432], { mine_function: 'test.echo' })).toBe(true);
  expect(await mined('db1', 'port')).toEqual({ db1: 5432 });
  expect(await fleet.run('db1', 'mine.valid')).toEqual({
    who: { 'grains.get': [{ key: 'id' }] },
    'test.echo': ['from-pillar'],
  });
  await fleet.run('db1', 'mine.delete', ['port']);
  expect(await mined('db1', 'port')).toEqual({});
  await fleet.run('db1', 'mine.flush');
  expect(await mined('*', 'who')).toEqual({ web1: 'web1', web2: 'web2' });
  await fleet.run('db1', 'mine.update');
  expect(await mined('db1', 'who')).toEqual({ db1: 'db1' });
  expect((await fleet.exec('db1', 'mine.send', ['no.such'])).db1).toMatchObject({ ret: false, success: false });
});

test('killing nats-server, or stopping the master, loses nothing', async () => {
  await fleet.run('web1', 'mine.send', ['kept', 'here'], { mine_function: 'test.echo' });
  await killHard(processWith(fleet.dir, 'nats-server'));
  await eventually(async () => {
    const found = await mined('web1', 'kept').catch(() => ({}));
    return (found as Record<string, unknown>).web1 === 'here';
  }, 'the mine answers again');
  await fleet.stopMaster();
  await fleet.startMaster();
  expect(await mined('web1', 'kept')).toEqual({ web1: 'here' });
});

test('a host whose key is deleted is gone from the mine, and back as a new one it has what it publishes anew', async () => {
  await eventually(async () => (await fleet.exec('web2', 'test.ping')).web2?.success === true, 'web2 has come back');
  await fleet.run('web2', 'mine.send', ['old', 'value'], { mine_function: 'test.echo' });
  expect(await mined('*', 'old')).toEqual({ web2: 'value' });
  await fleet.stopMinion('web2');
  await fleet.ask('keys.delete', { ids: ['web2'] });
  expect(await mined('*', 'who')).not.toHaveProperty('web2');
  await fleet.startMinion('web2');
  await eventually(async () => 'web2' in (await mined('*', 'who')), 'web2 has published');
  expect(await mined('*', 'old')).toEqual({});
});
