import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OwnFleet } from '../../support/own-fleet.ts';

let fleet: OwnFleet;
beforeAll(async () => {
  fleet = await OwnFleet.start({
    config: 'nodegroups: {fronts: [web1, web2], prod: "G@tier:front and N@fronts", odd: "N@even", even: "N@odd"}',
    files: {
      'states/top.sls': 'base:\n  fronts:\n    - match: nodegroup\n    - in-group\n',
      'states/in-group.sls': 'seen:\n  test.succeed_without_changes: []\n',
      'states/role.sls':
        'role:\n  grains.present:\n    - value: db\n    - force: True\nroles:\n  grains.list_present:\n    - value: [one, two]\n',
    },
  });
  await fleet.startMinion('web1', {
    grains: { role: 'configured', tier: 'front' },
    grains_commands: {
      rack: 'echo r7',
      disks: { command: ['echo', '{"sda": 1}'], format: 'json' },
      hanging: { command: 'sleep 60', timeout: 0.2 },
      role: 'echo from-command',
    },
  });
  await fleet.startMinion('web2');
});
afterAll(() => fleet.stop());

const selected = async (expr: string, type: string): Promise<unknown> =>
  ((await fleet.ask('match', { target: { expr, type } })) as { ids: string[] }).ids;
const grain = async (id: string, key: string): Promise<unknown> =>
  ((await fleet.ask('grains.ls', { target: { expr: id, type: 'list' }, key })) as { values: Record<string, unknown> })
    .values[id];

test('commands tell grains, one that hangs is left out, and the configuration wins', async () => {
  expect(await fleet.run('web1', 'grains.get', ['rack'])).toBe('r7');
  expect(await fleet.run('web1', 'grains.get', ['disks:sda'])).toBe(1);
  expect(await fleet.run('web1', 'grains.get', ['hanging', 'none'])).toBe('none');
  expect(await fleet.run('web1', 'grains.get', ['role'])).toBe('configured');
});

test('a grain that is set is a target at once, and stays over a restart of minion and master', async () => {
  expect(await selected('rack:r9', 'grain')).toEqual([]);
  expect(await fleet.run('web2', 'grains.setval', ['rack', 'r9'])).toEqual({ rack: 'r9' });
  expect(await selected('rack:r9', 'grain')).toEqual(['web2']);
  expect(await selected('rack:r\\d', 'grain_pcre')).toEqual(['web1', 'web2']);
  expect(await fleet.read('minions/web2/grains')).toBe('rack: r9\n');
  await fleet.stopMinion('web2');
  await fleet.stopMaster();
  await fleet.startMaster();
  expect(await selected('rack:r9', 'grain')).toEqual(['web2']);
  await fleet.startMinion('web2');
  expect(await fleet.run('web2', 'grains.get', ['rack'])).toBe('r9');
});

test('lists are appended to and removed from, keys deleted', async () => {
  await fleet.run('web2', 'grains.append', ['roles', 'web'], { convert: true });
  await fleet.run('web2', 'grains.append', ['roles', 'db']);
  await fleet.run('web2', 'grains.remove', ['roles', 'web']);
  expect(await fleet.run('web2', 'grains.get', ['roles'])).toEqual(['db']);
  await fleet.run('web2', 'grains.set', ['app:tier', 'front']);
  expect(await selected('app:tier:front', 'grain')).toEqual(['web2']);
  await fleet.run('web2', 'grains.delkey', ['roles'], { force: true });
  await fleet.run('web2', 'grains.delkey', ['app'], { force: true });
  expect(await fleet.run('web2', 'grains.item', ['roles', 'app'])).toEqual({ roles: '', app: '' });
});

test('what somebody else wrote into the file is seen after refresh_grains', async () => {
  await writeFile(join(fleet.dir, 'minions/web2/grains'), 'rack: r11\n');
  expect(await fleet.run('web2', 'grains.get', ['rack'])).not.toBe('r11');
  expect(await fleet.run('web2', 'saltutil.refresh_grains')).toBe(true);
  expect(await selected('rack:r11', 'grain')).toEqual(['web2']);
  await writeFile(join(fleet.dir, 'minions/web2/grains'), 'rack: {broken');
  await fleet.run('web2', 'saltutil.refresh_grains');
  expect(await fleet.run('web2', 'grains.get', ['os'])).not.toBe('');
  await rm(join(fleet.dir, 'minions/web2/grains'));
});

test('states set grains, and find nothing to do the second time', async () => {
  const apply = async (): Promise<readonly unknown[]> =>
    Object.values((await fleet.run('web2', 'state.apply', ['role'])) as Record<string, { changes: unknown }>).map(
      ({ changes }) => changes,
    );
  expect(await apply()).toEqual([{ grains: { role: 'db' } }, { grains: { roles: ['one', 'two'] } }]);
  expect(await apply()).toEqual([{}, {}]);
  expect(await grain('web2', 'role')).toBe('db');
});

test('the cache says how old it is', async () => {
  const target = { expr: '*', type: 'glob' };
  const { asOf } = (await fleet.ask('grains.ls', { target })) as { asOf: Record<string, number> };
  expect(Object.keys(asOf).sort()).toEqual(['web1', 'web2']);
  const before = asOf.web2!;
  await fleet.run('web2', 'grains.setval', ['counted', before]);
  const again = (await fleet.ask('grains.ls', { target })) as { asOf: Record<string, number> };
  expect(again.asOf.web2).toBeGreaterThan(before);
});

describe('nodegroups', () => {
  test('a list of ids, and groups within groups', async () => {
    expect(await selected('fronts', 'nodegroup')).toEqual(['web1', 'web2']);
    expect(await selected('prod', 'nodegroup')).toEqual(['web1']);
    expect(await selected('N@fronts and not web1', 'compound')).toEqual(['web2']);
  });
  test('a circle is an error that shows it', async () => {
    await expect(selected('odd', 'nodegroup')).rejects.toThrow('odd → even → odd');
  });
  test('the top file of states matches them on minions', async () => {
    expect(Object.keys((await fleet.run('web1', 'state.apply')) as object)).toEqual([expect.stringContaining('seen')]);
  });
});
