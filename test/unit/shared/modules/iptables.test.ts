import { createCatalog } from '@edge-run/shared/execute';
import { buildRule, parseSaved, ruleOptions, saveSame } from '@edge-run/shared/modules/providers/iptables';
import { fromPlain, type PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const facts = { os_family: 'Debian' };
const built = (options: object) =>
  buildRule(new Map([...(fromPlain(options) as PyMap)].map(([name, value]): [string, Value] => [String(name), value])));
const run = async (name: string, args: object, host: FakeHost, mode?: 'plan') => {
  const end = await runState(
    catalog.states.get(`iptables.${name}`)!,
    moduleContext(host, { facts }),
    { ...args },
    mode,
  );
  return { ...end, changes: toPlain(end.changes) };
};
const call = async (name: string, host: FakeHost, args: readonly unknown[], kwargs: object = {}) =>
  (await callFunction(catalog.functions.get(`iptables.${name}`)!, moduleContext(host, { facts }), args, { ...kwargs }))
    .answer;

describe('build_rule', () => {
  const cases: [string, object, string][] = [
    ['a jump goes last', { jump: 'ACCEPT', source: '192.0.2.1' }, '--source 192.0.2.1 --jump ACCEPT'],
    ['target is jump', { target: 'DROP', destination: '192.0.2.1' }, '--destination 192.0.2.1 --jump DROP'],
    ['interfaces', { if: 'eth0', of: '! eth1', jump: 'ACCEPT' }, '-i eth0 ! -o eth1 --jump ACCEPT'],
    ['a port', { proto: 'tcp', dport: 22, jump: 'ACCEPT' }, '-p tcp --dport 22 --jump ACCEPT'],
    ['negated: !', { source: '! 127.0.0.1', jump: 'DROP' }, '! --source 127.0.0.1 --jump DROP'],
    ['negated: not', { protocol: 'not udp', jump: 'DROP' }, '! -p udp --jump DROP'],
    [
      'a word that begins with not is none',
      { comment: 'x', set: 'nothing src' },
      '-m comment --comment "x" --match-set nothing src',
    ],
    [
      'connstate brings its match',
      { connstate: 'RELATED,ESTABLISHED', jump: 'ACCEPT' },
      '-m state --state RELATED,ESTABLISHED --jump ACCEPT',
    ],
    [
      'connstate uses the match there is',
      { match: 'state', connstate: ['NEW'], proto: 'tcp', dport: '! 22', jump: 'DROP' },
      '-p tcp -m state --state NEW ! --dport 22 --jump DROP',
    ],
    [
      'ctstate is an option like others',
      { match: 'conntrack', ctstate: 'INVALID', jump: 'DROP' },
      '-m conntrack --ctstate INVALID --jump DROP',
    ],
    [
      'several ports',
      { proto: 'tcp', dports: [80, 443], jump: 'ACCEPT' },
      '-p tcp -m multiport --dports 80,443 --jump ACCEPT',
    ],
    [
      'none of several ports',
      { proto: 'tcp', sports: ['! 80', 443], jump: 'DROP' },
      '-p tcp -m multiport ! --sports 80,443 --jump DROP',
    ],
    [
      'matches, one with a name of its own',
      { match: 'state,recent', name_: 'ssh', update: '', seconds: 60, jump: 'DROP' },
      '-m state -m recent --name ssh --update --seconds 60 --jump DROP',
    ],
    [
      'sets',
      { 'match-set': ['! good src', 'bad dst'], jump: 'DROP' },
      '-m set ! --match-set good src --match-set bad dst --jump DROP',
    ],
    [
      'what belongs to the target follows it',
      { 'to-destination': '192.0.2.7:80', proto: 'tcp', jump: 'DNAT', dport: 8080 },
      '-p tcp --dport 8080 --jump DNAT --to-destination 192.0.2.7:80',
    ],
    [
      'spaces',
      { 'log-prefix': 'not this: ', jump: 'LOG', comment: 'a b' },
      '-m comment --comment "a b" --jump LOG --log-prefix "not this: "',
    ],
    ['an option without a value', { proto: 'tcp', syn: null, jump: 'DROP' }, '-p tcp --syn --jump DROP'],
    ['goto', { goto: 'chain' }, '--goto chain'],
  ];
  it.each(cases)('%s', (_, options, text) => {
    expect(built(options).text).toBe(text);
  });
  it('words are split where the author did, and nowhere else', () => {
    expect(
      built({ match: 'limit', limit: '1/s', comment: "it's a b", jump: 'LOG', 'log-prefix': 'a "b' }).words,
    ).toEqual([
      ...['-m', 'limit', '-m', 'comment', '--comment', "it's a b", '--limit', '1/s', '--jump', 'LOG'],
      ...['--log-prefix', 'a "b'],
    ]);
  });
  it.each([
    [{ dports: '80' }, 'dports needs a protocol'],
    [{ source: { a: 1 } }, 'neither a text nor a number'],
    [{ modprobe: '/tmp/x', jump: 'DROP' }, '--modprobe is no part of a rule'],
  ])('%j is refused', (options, says) => {
    expect(() => built(options)).toThrow(says);
  });
  it('the whole command', async () => {
    const rule = { source: '127.0.0.1', jump: 'ACCEPT' };
    expect(
      await call('build_rule', new FakeHost(), ['filter', 'INPUT'], { ...rule, command: 'I', position: 3, full: true }),
    ).toBe('iptables --wait -t filter -I INPUT 3 --source 127.0.0.1 --jump ACCEPT');
    await expect(call('build_rule', new FakeHost(), [], { ...rule, full: true })).rejects.toThrow('needs a chain');
  });
});

const SAVED = `# Generated by iptables-save v1.8.9 (nf_tables) on Sun Nov 22 00:48:09 2026
*nat
:PREROUTING ACCEPT [12:345]
COMMIT
*filter
:INPUT DROP [1:2]
:FORWARD ACCEPT [0:0]
:web - [0:0]
[7:420] -A INPUT ! -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -m comment --comment "hi there" -j ACCEPT
-A web -m set --match-set bad src -j DROP
COMMIT
`;

describe('saved rules', () => {
  it('are read', () => {
    const filter = parseSaved(SAVED).get('filter')!;
    expect([...filter.keys()]).toEqual(['INPUT', 'FORWARD', 'web']);
    expect(filter.get('INPUT')).toMatchObject({ policy: 'DROP', packets: '1', bytes: '2' });
    expect(ruleOptions(filter.get('INPUT')!.rules[0]!)).toEqual({
      ...{ source: ['! 192.0.2.0/24'], protocol: ['tcp'], match: ['tcp', 'comment'], dport: ['22'] },
      ...{ comment: ['hi there'], jump: ['ACCEPT'] },
    });
    expect(ruleOptions(filter.get('web')!.rules[0]!)).toMatchObject({ 'match-set': ['bad src'] });
  });
  it.each([
    [
      'counters and comments',
      SAVED.replace('[1:2]', '[9:9]')
        .replace('[7:420] ', '')
        .replace(/^#.*\n/, ''),
      true,
    ],
    ['tables that nobody touched', SAVED.replace(/\*nat[^*]*/, ''), true],
    ['a policy', SAVED.replace('INPUT DROP', 'INPUT ACCEPT'), false],
    ['a rule', SAVED.replace('--dport 22', '--dport 23'), false],
    ['a chain', SAVED.replace(':web - [0:0]\n', ''), false],
  ])('are compared: %s', (_, other, isSame) => {
    expect(saveSame(SAVED, other)).toBe(isSame);
  });
});

describe('states', () => {
  const bare = (): FakeHost =>
    new FakeHost('fw1').on([/-C /, { exitCode: 1, stderr: 'iptables: Bad rule (does a matching rule exist?).' }]);
  it('a rule that iptables does not understand says so, in a plan too', async () => {
    const host = bare().on([
      /--dprot/,
      { exitCode: 2, stderr: 'iptables v1.8.9 (nf_tables): unknown option "--dprot"\nTry `iptables -h\' for more.\n' },
    ]);
    expect(await run('append', { name: 'x', chain: 'INPUT', dprot: 22 }, host, 'plan')).toMatchObject({
      result: false,
      comment: 'iptables on fw1 does not take the rule: iptables v1.8.9 (nf_tables): unknown option "--dprot"',
    });
  });
  it('a target that is still to be made is no error of a plan', async () => {
    const host = bare().on([/--jump new/, { exitCode: 2, stderr: "Chain 'new' does not exist" }]);
    expect(await run('append', { name: 'x', chain: 'INPUT', jump: 'new' }, host, 'plan')).toMatchObject({
      result: null,
    });
  });
  it('ipv6 has its own program', async () => {
    const host = bare();
    await run('insert', { name: 'x', chain: 'INPUT', family: 'ipv6', jump: 'DROP', position: 2 }, host, 'plan');
    expect(host.commands.map(({ command }) => command.join(' '))).toEqual([
      'ip6tables --wait -t filter -C INPUT --jump DROP',
    ]);
  });
  it.each([
    [{ name: 'x', jump: 'DROP' }, 'rule x has no chain'],
    [{ name: 'x', chain: 'INPUT' }, 'rule x says nothing about packets'],
    [{ name: 'x', rules: ['DROP'] }, 'one of the rules of x is no mapping'],
    [{ name: 'x', rules: [{ chain: '-F' }] }, 'chain of a rule of x: is not the name of a chain'],
  ])('%j fails and says why', async (args, comment) => {
    expect(await run('append', args, bare(), 'plan')).toMatchObject({ result: false, comment });
  });
  it.each([
    { name: 'x', chain: '-F', jump: 'DROP' },
    { name: 'x', chain: 'INPUT', table: 'a b', jump: 'DROP' },
    { name: 'x', chain: 'INPUT', jump: 'DROP', save: 'relative' },
  ])('%j is an error before anything runs', async (args) => {
    await expect(run('append', args, bare())).rejects.toThrow(/name of a chain|name of a table|save/);
  });
  it('where nobody knows the file, save has to say it', async () => {
    const module = catalog.states.get('iptables.append')!;
    const end = await runState(
      module,
      moduleContext(bare(), { facts: { os_family: 'Void' } }),
      { name: 'x', chain: 'INPUT', jump: 'DROP', save: true },
      'plan',
    );
    expect([end.result, end.comment]).toEqual([false, expect.stringContaining('family Void')]);
  });
});
