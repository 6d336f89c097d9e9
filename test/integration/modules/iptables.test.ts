import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCatalog } from '@edge-run/shared/execute';
import type { Host } from '@edge-run/shared/host';
import { toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { networkHost, noNetworkReason } from '../../support/network-host.ts';

const catalog = createCatalog();
const hasProgram = spawnSync('iptables', ['--version'], { stdio: 'ignore' }).status === 0;
const reason = noNetworkReason() ?? (hasProgram ? undefined : 'no iptables: apt-get install iptables');
const title = 'iptables on a network of its own';

describe.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (skipped: ${reason})`, () => {
  let host: Host;
  let dispose: () => Promise<void>;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'edge-iptables-'));
    ({ host, dispose } = await networkHost('fw1'));
  });
  afterAll(async () => {
    await dispose?.();
    await rm(dir, { recursive: true, force: true });
  });

  const state = async (name: string, args: object, mode?: 'plan') => {
    const end = await runState(catalog.states.get(`iptables.${name}`)!, moduleContext(host), { ...args }, mode);
    return { ...end, changes: toPlain(end.changes) };
  };
  const call = async (name: string, args: readonly unknown[], kwargs: object = {}) =>
    (await callFunction(catalog.functions.get(`iptables.${name}`)!, moduleContext(host), args, { ...kwargs })).answer;
  const list = async (...words: string[]): Promise<string> => (await host.probe(['iptables', ...words])).stdout.trim();
  /** Plans, applies, and applies again: the plan is what happens, and it happens once. */
  const converge = async (name: string, args: object) => {
    const before = await list('-S');
    const planned = await state(name, args, 'plan');
    expect(await list('-S')).toBe(before);
    expect(planned.result).toBeNull();
    const applied = await state(name, args);
    expect(applied).toMatchObject({ result: true, changes: planned.changes });
    expect(await state(name, args)).toMatchObject({ result: true, changes: {} });
    return applied;
  };
  const ssh = {
    ...{ name: 'ssh', chain: 'INPUT', proto: 'tcp', dport: 22, match: 'state', connstate: 'NEW,ESTABLISHED' },
    ...{ comment: "jane's way in", source: '! 192.0.2.0/24', jump: 'ACCEPT' },
  };
  const SSH = String.raw`-A INPUT ! -s 192.0.2.0/24 -p tcp -m state --state NEW,ESTABLISHED -m tcp --dport 22 -m comment --comment "jane\'s way in" -j ACCEPT`;

  it('append: a rule behind the others, recognised however it is written', async () => {
    expect((await converge('append', ssh)).changes).toEqual({ locale: 'ssh' });
    expect(await list('-S', 'INPUT')).toBe(`-P INPUT ACCEPT\n${SSH}`);
    expect(await state('append', { ...ssh, connstate: 'ESTABLISHED,NEW' })).toMatchObject({ changes: {} });
    expect(await call('get_rules', [])).toMatchObject({
      filter: {
        INPUT: { rules: [expect.objectContaining({ source: ['! 192.0.2.0/24'], comment: ["jane's way in"] })] },
      },
    });
  });
  it('insert: at a place', async () => {
    await converge('insert', { name: 'lo', chain: 'INPUT', if: 'lo', jump: 'ACCEPT' });
    await converge('insert', { name: 'bad', chain: 'INPUT', position: 2, source: '198.51.100.7', jump: 'DROP' });
    expect(await list('-S', 'INPUT')).toBe(
      ['-P INPUT ACCEPT', '-A INPUT -i lo -j ACCEPT', '-A INPUT -s 198.51.100.7/32 -j DROP', SSH].join('\n'),
    );
  });
  it('several rules in one state, kept in a file; the file is put right when it is not', async () => {
    const path = join(dir, 'firewall', 'rules.v4');
    const rules = [
      { name: 'web', proto: 'tcp', dports: [80, 443], jump: 'ACCEPT', save: path },
      [{ name: 'dns' }, { proto: 'udp' }, { dport: 53 }, { jump: 'ACCEPT' }],
    ];
    const both = { name: 'services', chain: 'INPUT', rules };
    expect((await converge('append', both)).changes).toEqual({ locale: ['web', 'dns'], saved: path });
    expect(await readFile(path, 'utf8')).toContain('-A INPUT -p udp -m udp --dport 53 -j ACCEPT');
    await rm(path);
    expect((await converge('append', both)).changes).toEqual({ saved: path });
    expect(await call('get_saved_rules', [], { conf_file: path })).toMatchObject({
      filter: { INPUT: { policy: 'ACCEPT' } },
    });
  });
  it('delete: every copy of a rule', async () => {
    const dns = { name: 'dns', chain: 'INPUT', proto: 'udp', dport: 53, jump: 'ACCEPT' };
    await host.exec(['iptables', '-A', 'INPUT', '-p', 'udp', '--dport', '53', '-j', 'ACCEPT']);
    expect((await list('-S', 'INPUT')).match(/dport 53/g)).toHaveLength(2);
    await converge('delete', dns);
    expect(await list('-S', 'INPUT')).not.toContain('dport 53');
  });
  it('chains: made, jumped to and deleted with their rules', async () => {
    const jump = { name: 'to web', chain: 'INPUT', proto: 'tcp', jump: 'web' };
    expect(await state('append', jump, 'plan')).toMatchObject({ result: null });
    expect(await state('append', jump)).toMatchObject({ result: false });
    await converge('chain_present', { name: 'web' });
    await converge('append', jump);
    await converge('append', { name: 'drop', chain: 'web', jump: 'DROP' });
    await state('delete', jump);
    await converge('chain_absent', { name: 'web' });
    expect(await call('check_chain', ['filter', 'web'])).toBe(false);
    expect(await state('chain_absent', { name: 'INPUT' })).toMatchObject({ result: false });
  });
  it('nat: what belongs to the target is behind it', async () => {
    const nat = { table: 'nat', chain: 'PREROUTING', proto: 'tcp', dport: 80, jump: 'REDIRECT', 'to-port': 8080 };
    await converge('append', { name: 'redirect', ...nat });
    expect(await list('-t', 'nat', '-S', 'PREROUTING')).toContain('--dport 80 -j REDIRECT --to-ports 8080');
  });
  it('set_policy and flush', async () => {
    const path = join(dir, 'rules');
    await converge('set_policy', { name: 'closed', chain: 'FORWARD', policy: 'DROP', save: path });
    expect(await call('get_policy', ['filter', 'FORWARD'])).toBe('DROP');
    expect(await call('get_saved_policy', ['filter', 'FORWARD'], { conf_file: path })).toBe('DROP');
    expect(await state('set_policy', { name: 'x', chain: 'nowhere', policy: 'DROP' })).toMatchObject({ result: false });
    await converge('flush', { name: 'empty', chain: 'INPUT' });
    expect(await list('-S')).not.toContain('-A INPUT');
    await converge('flush', { name: 'empty', table: 'nat' });
  });
  it('ipv6 is another firewall', async () => {
    await converge('append', { name: 'six', chain: 'INPUT', family: 'ipv6', source: '2001:db8::/32', jump: 'DROP' });
    expect(await call('check', ['filter', 'INPUT', '-s 2001:db8::/32 -j DROP'], { family: 'ipv6' })).toBe(true);
    expect(await list('-S')).not.toContain('2001');
  });
  it('functions', async () => {
    const rule = '-p tcp --dport 8080 -m comment --comment "a b" -j ACCEPT';
    expect(await call('append', ['filter', 'INPUT', rule])).toBe(true);
    expect(await call('append', ['filter', 'INPUT', rule])).toBe(false);
    expect(await call('insert', ['filter', 'INPUT', -1, '-s 192.0.2.9 -j DROP'])).toBe(true);
    const rules = (await call('get_rules', [])) as { filter: { INPUT: { rules: unknown[] } } };
    expect(rules.filter.INPUT.rules).toEqual([
      { source: ['192.0.2.9/32'], jump: ['DROP'] },
      expect.objectContaining({ dport: ['8080'], comment: ['a b'] }),
    ]);
    await call('delete', ['filter', 'INPUT', 1]);
    await call('delete', ['filter', 'INPUT'], { rule });
    expect(await list('-S', 'INPUT')).toBe('-P INPUT ACCEPT');
    await expect(call('delete', ['filter', 'INPUT'])).rejects.toThrow('either a rule or a position');
    expect(await call('save', [join(dir, 'all')])).toBe(join(dir, 'all'));
    expect(await call('version', [])).toMatch(/^v\d/);
    await call('new_chain', ['filter', 'mine']);
    await call('delete_chain', ['filter', 'mine']);
    await call('set_policy', ['filter', 'FORWARD', 'ACCEPT']);
    await call('flush', ['filter']);
  });
});
