import { type Host, LocalHost } from '@edge-run/shared/host';
import { type Clock, EdgeError, errorMessage, Secret } from '@edge-run/shared/kernel';
import { type Change, defineState, inSync, type StateModule, type Verdict } from '@edge-run/shared/modules/contract';
import { testStates } from '@edge-run/shared/modules/states';
import { encodeValue, type PyMap, type Value } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bareContext, byName, compileFiles, runFiles } from '../../../support/state-files.ts';

const states = byName(...testStates);

function returned(returns: PyMap, id: string): { result: Value; comment: string; changes: unknown; number: Value } {
  const [, value] = [...returns].find(([key]) => String(key).includes(`_|-${id}_|-`))!;
  const entry = value as PyMap;
  return {
    result: entry.get('result')!,
    comment: String(entry.get('comment')),
    changes: encodeValue(entry.get('changes')!),
    number: entry.get('__run_num__')!,
  };
}

/** `run number key: result` of every return. */
function shown(returns: PyMap): readonly string[] {
  return [...returns].map(
    ([key, value]) => `${(value as PyMap).get('__run_num__')} ${key}: ${(value as PyMap).get('result')}`,
  );
}

/** A clock that moves only when somebody sleeps. */
function sleeplessClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  let now = 1_000;
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms);
    now += ms;
  };
  return { now: () => now, sleep, slept };
}

const args = z.object({ name: z.string().describe('Free text.') });

/** A state `t.own` whose look is `check`. */
function own(check: StateModule['check'], parts: Partial<StateModule> = {}): ReadonlyMap<string, StateModule> {
  const module = defineState({
    name: 't.own',
    summary: 'For one test.',
    effect: 'action',
    args,
    examples: [],
    check,
    ...parts,
  });
  return new Map([...states, [module.name, module]]);
}

function change(parts: Partial<Change> = {}): Verdict {
  const whole = { what: 'x: there', before: false, after: true, apply: async () => undefined, ...parts };
  return { kind: 'changes', changes: [whole] };
}

const OWN = { 'a.sls': 'x:\n  t.own: []\n' };

describe('requisites', () => {
  test('run first, in the order Salt takes, and failures are named', async () => {
    const { returns, succeeded } = await runFiles(
      {
        'a.sls': `
c: {test.nop: [{require: [{test: b}]}]}
b: {test.nop: [{require: [{test: a}]}]}
a: {test.fail_without_changes: []}
`,
      },
      states,
    );
    expect(shown(returns)).toEqual([
      '0 test_|-a_|-a_|-fail_without_changes: false',
      '1 test_|-b_|-b_|-nop: false',
      '2 test_|-c_|-c_|-nop: false',
    ]);
    expect(returned(returns, 'b').comment).toBe('One or more requisite failed: a.a');
    expect(succeeded).toBe(false);
  });

  test('a listener reacts at the end, once, under a key of its own', async () => {
    const { returns } = await runFiles(
      {
        'a.sls': `
l: {test.nop: [{listen: [{test: x}, {test: y}]}]}
x: {test.succeed_with_changes: []}
y: {test.succeed_with_changes: []}
`,
      },
      states,
    );
    expect(shown(returns)).toEqual([
      '0 test_|-l_|-l_|-nop: true',
      '1 test_|-x_|-x_|-succeed_with_changes: true',
      '2 test_|-y_|-y_|-succeed_with_changes: true',
      '3 test_|-listener_l_|-l_|-mod_watch: true',
    ]);
  });

  test('watch: the reaction replaces the answer of a state that changed nothing, and counts as a call', async () => {
    const { returns } = await runFiles(
      { 'a.sls': 'x: {test.succeed_with_changes: []}\nw: {test.nop: [{watch: [{test: x}]}]}\nz: {test.nop: []}\n' },
      states,
    );
    expect(returned(returns, 'w')).toMatchObject({ comment: 'Watch statement fired.', number: 2 });
    expect(returned(returns, 'z').number).toBe(3);
  });

  test('watch: no reaction where a guard kept the state from running', async () => {
    const { returns } = await runFiles(
      { 'a.sls': "x: {test.succeed_with_changes: []}\nw: {test.nop: [{unless: 'true'}, {watch: [{test: x}]}]}\n" },
      states,
      { context: bareContext({ 'cmd.retcode': () => 0 }) },
    );
    expect(returned(returns, 'w')).toMatchObject({ result: true, comment: 'unless condition is true', changes: {} });
  });

  test('prereq: the target is looked at, the state runs, then the target is applied', async () => {
    const seen: string[] = [];
    const module = own(async ({ name }) => {
      seen.push(`look ${name}`);
      return change({ apply: async () => void seen.push(`apply ${name}`) });
    });
    await runFiles({ 'a.sls': 'pre: {t.own: [{prereq: [{t: tgt}]}]}\ntgt: {t.own: []}\n' }, module);
    expect(seen).toEqual(['look tgt', 'look pre', 'apply pre', 'look tgt', 'apply tgt']);
  });
});

describe('look and act', () => {
  test('while testing nothing is applied and no code gets a host it could write to', async () => {
    const hosts: object[] = [];
    const module = own(async (_args, ctx) => {
      hosts.push(ctx.host);
      return change({ apply: async () => expect.unreachable('applied while testing') });
    });
    const { returns } = await runFiles(OWN, module, { testing: true });
    expect(returned(returns, 'x')).toMatchObject({ result: null, changes: { 'x: there': { old: false, new: true } } });
    for (const method of ['exec', 'writeFile', 'remove']) expect(hosts[0]).not.toHaveProperty(method);
  });

  test('looking gets a reader even when the run may write', async () => {
    const module = own(async (_args, ctx) => {
      expect(ctx.host).not.toHaveProperty('writeFile');
      return change({ apply: async (write) => void expect(write.host).toHaveProperty('writeFile') });
    });
    expect(returned((await runFiles(OWN, module)).returns, 'x').result).toBe(true);
  });

  test('test: True on a state only looks at it', async () => {
    const module = own(async () => change({ apply: async () => expect.unreachable('applied') }));
    const { returns } = await runFiles({ 'a.sls': 'x:\n  t.own:\n    - test: True\n' }, module);
    expect(returned(returns, 'x').result).toBe(null);
  });

  test('a repair that is still needed afterwards did not converge', async () => {
    const clock = sleeplessClock();
    const module = own(async () => change(), { effect: 'repair', settleMs: 500 });
    const { returns } = await runFiles(OWN, module, { clock });
    expect(returned(returns, 'x')).toMatchObject({
      result: false,
      comment: expect.stringContaining('did not converge'),
    });
    expect(clock.slept.reduce((sum, ms) => sum + ms, 0)).toBe(500);
  });

  test('a repair may take its time to show', async () => {
    let looks = 0;
    const module = own(
      async () => {
        looks += 1;
        return looks < 4 ? change() : inSync();
      },
      { effect: 'repair', settleMs: 5_000 },
    );
    const { returns } = await runFiles(OWN, module, { clock: sleeplessClock() });
    expect(returned(returns, 'x').result).toBe(true);
  });

  test('an action is not looked at again', async () => {
    let looks = 0;
    const module = own(async () => {
      looks += 1;
      return change();
    });
    await runFiles(OWN, module);
    expect(looks).toBe(1);
  });

  test('what a change says about itself wins', async () => {
    const apply = async () => ({ changes: { retcode: 3 }, result: false, comment: 'exited 3' });
    const { returns } = await runFiles(
      OWN,
      own(async () => change({ apply })),
    );
    expect(returned(returns, 'x')).toMatchObject({ result: false, comment: 'exited 3', changes: { retcode: 3 } });
  });

  test('changes of several parts are joined, and a failing one stops those behind it', async () => {
    const part = (what: string, apply: Change['apply']): Change => ({
      what,
      before: 0,
      after: 1,
      changes: { f: { [what]: 1 } },
      apply,
    });
    const module = own(async () => ({
      kind: 'changes',
      changes: [
        part('a', async () => undefined),
        part('b', async () => {
          throw new EdgeError('EDGE_PERMISSION_DENIED', 'no right to write /f', {}, { hint: 'Run as root.' });
        }),
        part('c', async () => expect.unreachable('went on')),
      ],
    }));
    const { returns } = await runFiles(OWN, module);
    expect(returned(returns, 'x')).toMatchObject({
      result: false,
      changes: { f: { a: 1 } },
      comment: 'b: no right to write /f\nRun as root.',
    });
  });

  test('sealed changes and secrets are never shown', async () => {
    const module = own(async () => ({
      kind: 'changes',
      changes: [
        {
          what: 'password',
          before: 'old',
          after: 'new',
          sealed: true,
          diff: '-old +new',
          apply: async () => undefined,
        },
        {
          what: 'key',
          before: null,
          after: null,
          changes: { key: new Secret('hunter2') },
          apply: async () => undefined,
        },
      ],
    }));
    const { returns } = await runFiles(OWN, module);
    expect(returned(returns, 'x').changes).toEqual({ password: '[secret]', key: '[secret]' });
    expect(returned((await runFiles(OWN, module, { testing: true })).returns, 'x').changes).toEqual({
      password: '[secret]',
      key: '[secret]',
    });
  });

  test('a state that throws is a failed state', async () => {
    const module = own(async () => {
      throw new TypeError('cannot read x');
    });
    const { returns, succeeded } = await runFiles(OWN, module);
    expect(returned(returns, 'x')).toMatchObject({ result: false, comment: 'cannot read x' });
    expect(succeeded).toBe(false);
  });

  test('a module may show another name', async () => {
    const module = own(async () => inSync(), { shownName: () => ['test.ping'] });
    const { returns } = await runFiles(OWN, module);
    expect((returns.get('t_|-x_|-x_|-own') as PyMap).get('name')).toEqual(['test.ping']);
  });

  test('a state its host cannot use says why', async () => {
    const module = own(async () => inSync(), { supports: () => 'there is no systemd' });
    expect(returned((await runFiles(OWN, module)).returns, 'x')).toMatchObject({
      result: false,
      comment: 't.own cannot be used here: there is no systemd',
    });
  });

  test.each([
    [['sh'], true, 'it is there'],
    [['sh', 'no-such-1'], false, 't.own needs the program no-such-1, which is not on local'],
    [['no-such-1|sh', 'sh|no-such-2'], true, 'it is there'],
    [['no-such-1|no-such-2'], false, 't.own needs the program no-such-1 or no-such-2, which is not on local'],
  ])('programs it needs: %j', async (needs, result, comment) => {
    const context = { ...bareContext({}), host: new LocalHost({ id: 'local' }) };
    const { returns } = await runFiles(
      OWN,
      own(async () => inSync('it is there'), { needs }),
      { context },
    );
    expect(returned(returns, 'x')).toMatchObject({ result, comment });
  });
});

describe('the runner words', () => {
  const codes = (answers: Readonly<Record<string, number>>) =>
    bareContext({
      'cmd.retcode': ([command]) => answers[String(command)] ?? 1,
      'test.echo': ([text]) => text ?? null,
      'test.kwarg': (_args, kwargs) => kwargs.k as Value,
    });

  test.each([
    ["unless: 'yes'", { yes: 0 }, false],
    ["unless: ['yes', 'no']", { yes: 0, no: 1 }, true],
    ['unless: []', {}, true],
    ["onlyif: 'no'", { no: 1 }, false],
    ["onlyif: ['yes', 'no']", { yes: 0, no: 1 }, false],
    ["onlyif: [{fun: test.echo, args: ['x']}]", {}, true],
    ['onlyif: [{fun: test.kwarg, k: false}]', {}, false],
    ['creates: /nowhere', {}, true],
  ])('%s', async (guard, answers, runs) => {
    const { returns } = await runFiles({ 'a.sls': `x:\n  test.succeed_with_changes:\n    - ${guard}\n` }, states, {
      context: codes(answers),
    });
    expect(returned(returns, 'x').changes).toEqual(runs ? { testing: expect.anything() } : {});
  });

  test('a condition that is neither command nor function fails the state', async () => {
    const { returns } = await runFiles({ 'a.sls': 'x:\n  test.nop:\n    - onlyif: [1]\n' }, states);
    expect(returned(returns, 'x')).toMatchObject({
      result: false,
      comment: expect.stringContaining('neither a command nor a function'),
    });
  });

  test('check_cmd has the last word', async () => {
    const files = (command: string) => ({
      'a.sls': `x:\n  test.succeed_with_changes:\n    - check_cmd: [${command}]\n`,
    });
    const context = codes({ good: 0, bad: 1 });
    expect(returned((await runFiles(files('good'), states, { context })).returns, 'x').result).toBe(true);
    expect(returned((await runFiles(files('bad'), states, { context })).returns, 'x')).toMatchObject({
      result: false,
      comment: expect.stringContaining('check_cmd determined the state failed'),
    });
  });

  test('retry: tries again with its interval until it succeeds, and tells each attempt', async () => {
    let tries = 0;
    const clock = sleeplessClock();
    const module = own(async () => {
      tries += 1;
      return tries < 3 ? { kind: 'refused', reason: `not yet ${tries}` } : inSync('there');
    });
    const files = { 'a.sls': 'x:\n  t.own:\n    - retry: {attempts: 5, interval: 7, splay: 3}\nz:\n  test.nop: []\n' };
    const { returns } = await runFiles(files, module, { clock, random: () => 0.5 });
    expect(returned(returns, 'x')).toMatchObject({
      result: true,
      number: 2,
      comment: [
        'Attempt 1: Returned a result of "False", with the following comment: "not yet 1"',
        'Attempt 2: Returned a result of "False", with the following comment: "not yet 2"',
        'there',
      ].join('\n'),
    });
    expect(clock.slept).toEqual([9_000, 9_000]);
    expect(returned(returns, 'z').number).toBe(3);
  });

  test('slots are filled in when the state runs', async () => {
    const file = (slot: string) => ({
      'a.sls': `x:\n  test.show_notification:\n    - text: "__slot__:salt:${slot}"\n`,
    });
    const context = bareContext({
      'test.kwarg': (_args, kwargs) => ({ ...kwargs }).k as Value,
      'test.echo': ([text]) => text ?? null,
    });
    const comment = async (slot: string): Promise<string> =>
      returned((await runFiles(file(slot), states, { context })).returns, 'x').comment;
    expect(await comment('test.echo(hello, world)')).toBe('hello');
    expect(await comment("test.kwarg(k='a, b') ~ /tail")).toBe('a, b/tail');
    expect(await comment('no.such(x)')).toBe('__slot__:salt:no.such(x)');
  });

  test('fire_event sends the return', async () => {
    const sent: string[] = [];
    const context = bareContext({}, { events: { send: async (tag) => void sent.push(tag) } });
    await runFiles({ 'a.sls': 'x:\n  test.nop:\n    - fire_event: done\n' }, states, { context, jid: 'J' });
    expect(sent).toEqual(['salt/state_result/J/minion1/done']);
  });

  test('reload_pillar is told to whoever runs the plan', async () => {
    const reloaded: string[] = [];
    await runFiles({ 'a.sls': 'x:\n  test.nop:\n    - reload_pillar: True\n' }, states, {
      reload: async (what) => void reloaded.push(what),
    });
    expect(reloaded).toEqual(['pillar']);
  });

  test('aggregate: the first takes the arguments of those that wait on', async () => {
    const seen: unknown[] = [];
    const module = defineState({
      name: 't.own',
      summary: 'For one test.',
      effect: 'action',
      args: args.extend({ pkgs: z.array(z.string()).default([]).describe('Names.') }),
      examples: [],
      check: async ({ pkgs }) => {
        seen.push(pkgs);
        return inSync();
      },
      aggregate: (first, waiting) => {
        const merged = first as PyMap;
        return waiting.reduce<PyMap>(
          (all, next) =>
            all.set('pkgs', [...(all.get('pkgs') as Value[]), ...((next as PyMap).get('pkgs') as Value[])]),
          merged,
        );
      },
    });
    const files = { 'a.sls': 'a:\n  t.own:\n    - aggregate: True\n    - pkgs: [x]\nb:\n  t.own:\n    - pkgs: [y]\n' };
    await runFiles(files, byName(module));
    expect(seen).toEqual([['x', 'y'], ['y']]);
  });
});

describe('a run', () => {
  test('runs parallel states side by side', async () => {
    let inside = 0;
    let most = 0;
    let open: () => void = () => {};
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const module = own(async () => {
      inside += 1;
      most = Math.max(most, inside);
      if (inside === 2) open();
      await both;
      return inSync();
    });
    const { returns } = await runFiles(
      {
        'a.sls':
          'a: {t.own: [{parallel: True}]}\nb: {t.own: [{parallel: True}]}\nz: {test.nop: [{require: [{t: a}, {t: b}]}]}\n',
      },
      module,
    );
    expect(most).toBe(2);
    expect(returned(returns, 'z').number).toBe(2);
  });

  test('ends as cancelled once what runs has ended', async () => {
    const controller = new AbortController();
    const module = own(async (_args, ctx) => {
      controller.abort(new EdgeError('EDGE_CANCELLED', 'enough'));
      throw ctx.signal.reason;
    });
    const context = bareContext({}, { signal: controller.signal });
    const run = runFiles({ 'a.sls': 'x: {t.own: []}\nz: {test.nop: []}\n' }, module, { context });
    await expect(run.catch(errorMessage)).resolves.toBe('enough');
  });

  test('arguments are told wrong before anything runs', async () => {
    const { value, diagnostics } = await compileFiles(
      { 'a.sls': 'x:\n  t.own:\n    - nmae: y\n' },
      own(async () => inSync()),
    );
    expect(value).toBeUndefined();
    expect(diagnostics[0]!.summary).toBe('unknown argument `nmae` for t.own');
  });

  test('modules see the environment their SLS came from', async () => {
    const seen: string[] = [];
    const module = own(async (_args, ctx) => {
      seen.push(ctx.saltenv);
      return inSync();
    });
    await runFiles({ 'a.sls': 'include: [{dev: b}]\n', 'dev:b.sls': 'x: {t.own: []}\n' }, module);
    expect(seen).toEqual(['dev']);
  });

  test('a host object with private parts keeps working', async () => {
    class Private {
      readonly id = 'p';
      readonly #there = true;
      async probe(): Promise<never> {
        throw new Error('unused');
      }
      async stat(): Promise<undefined> {
        expect(this.#there).toBe(true);
        return undefined;
      }
    }
    const module = own(async (_args, ctx) => {
      await ctx.host.stat('/x');
      return inSync();
    });
    const context = bareContext({}, { host: new Private() as unknown as Host });
    expect(returned((await runFiles(OWN, module, { context })).returns, 'x').result).toBe(true);
  });
});
