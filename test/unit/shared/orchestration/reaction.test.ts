import { formatPlace, requireCompiled } from '@edge-run/shared/kernel';
import { callOf, compileReaction, type ReactionCall } from '@edge-run/shared/orchestration';
import { loadSls } from '@edge-run/shared/render';
import { describe, expect, it } from 'vitest';
import { RecordedRunners } from '../../../support/reaction-ports.ts';

const runners = new RecordedRunners(['state.orchestrate', 'key.accept']);

function compile(...texts: readonly string[]) {
  const files = texts.map((text, index) => {
    const sls = `${'ab'[index]!}.sls`;
    return { sls, rendered: requireCompiled(loadSls(text, { path: sls })) };
  });
  const { chunks, diagnostics } = compileReaction(files);
  const calls = chunks.map((chunk) => callOf(chunk, runners));
  const remarks = [...diagnostics, ...calls.flatMap((call) => call.diagnostics)];
  return {
    ids: chunks.map(({ id, client, fun }) => `${id} ${client}.${fun}`),
    calls: calls.flatMap(({ value }): readonly ReactionCall[] => (value === undefined ? [] : [value])),
    problems: remarks.map(({ severity, summary, detail, source }) =>
      [source === undefined ? '?' : formatPlace(source), severity, summary, detail].join(' | '),
    ),
  };
}

describe('compileReaction', () => {
  it('sorts by order, then by client, name and function', () => {
    const { ids } = compile(`
z: {local.test.ping: [{tgt: x}, {order: 1}]}
b: {runner.state.orchestrate: [{mods: m}]}
a: {local.test.ping: [{tgt: x}]}
last: {local.test.ping: [{tgt: x}, {order: last}]}
before: {local.test.ping: [{tgt: x}, {order: -1}]}
first: {local.test.ping: [{tgt: x}, {order: first}]}
`);
    expect(ids.map((id) => id.split(' ')[0])).toEqual(['first', 'z', 'a', 'b', 'before', 'last']);
  });

  it('takes short and long spellings of a function', () => {
    const { ids, problems } = compile('short: local.test.ping\nlong: {local: [test.ping, {tgt: x}]}\n');
    expect(ids).toEqual(['long local.test.ping', 'short local.test.ping']);
    expect(problems).toEqual([expect.stringContaining("'short' in a.sls: it does not say on which hosts")]);
  });

  it('`ssh: True` means hosts of the roster, and no other word will do', () => {
    const { calls, problems } = compile(`
a: {local.test.ping: [{tgt: '*'}, {ssh: True}]}
b: {local.test.ping: [{tgt: '*'}, {ssh: False}]}
c: {local.test.ping: [{tgt: '*'}, {ssh: maybe}]}
`);
    expect(calls.map((call) => ('transport' in call ? call.transport : 'any'))).toEqual(['ssh', 'any']);
    expect(problems).toEqual([expect.stringContaining('`ssh` is neither True nor False')]);
  });

  it('leaves a second function of a client out, and says so', () => {
    const { ids, problems } = compile('go:\n  local.test.ping: [{tgt: x}]\n  local.cmd.run: [{tgt: x}]\n');
    expect(ids).toEqual(['go local.cmd.run']);
    expect(problems).toEqual([expect.stringMatching(/^a\.sls:2:3 \| warning \| .*second function of local/)]);
  });

  it('lets a later file’s ID take the place of an earlier one, and says so', () => {
    const { calls, problems } = compile('go: {local.test.ping: [{tgt: a}]}', 'go: {local.test.ping: [{tgt: b}]}');
    expect(calls).toMatchObject([{ target: 'b' }]);
    expect(problems).toEqual([expect.stringMatching(/^b\.sls:1:1 \| warning \| 'go' of b\.sls takes the place/)]);
  });

  it('reports every mistake with its place; the calls of a good file stay', () => {
    const { ids, problems } = compile(
      `
include: [x]
12: {local.test.ping: []}
no_list: {local.test.ping: {tgt: x}}
spaces: {local: [test.ping now, {tgt: x}]}
none: {local: [{tgt: x}]}
two: {local.test.ping: [cmd.run, {tgt: x}]}
pair: {local.test.ping: [{tgt: x, tgt_type: glob}]}
names: {local.test.ping: [{names: x}]}
`,
      'good: {local.test.ping: [{tgt: x}]}',
    );
    expect(ids).toEqual(['good local.test.ping']);
    expect(problems).toEqual([
      expect.stringMatching(/^a\.sls:2:1 \| error \| 'include'.*name every file in the configuration/),
      expect.stringMatching(/^a\.sls:3:1 \| error \| ID '12'/),
      expect.stringMatching(/^a\.sls:4:11 \| error \| local\.test\.ping of 'no_list'/),
      expect.stringMatching(/^a\.sls:5:\d+ \| error \| .*white space/),
      expect.stringMatching(/^a\.sls:6:\d+ \| error \| .*names no function/),
      expect.stringMatching(/^a\.sls:7:\d+ \| error \| .*several functions: test\.ping, cmd\.run/),
      expect.stringMatching(/^a\.sls:8:\d+ \| error \| .*not one `argument: value`/),
      expect.stringMatching(/^a\.sls:9:\d+ \| error \| `names`/),
    ]);
  });
});

describe('callOf', () => {
  it.each([
    ['list of pairs', '[{a: 1}, {b: 2}]'],
    ['mapping', '{a: 1, b: 2}'],
  ])('args as a %s are keyword arguments', (_, args) => {
    const { calls } = compile(`go: {runner.state.orchestrate: [{args: ${args}}]}`);
    expect(calls).toMatchObject([{ client: 'runner', args: [] }]);
    expect([...calls[0]!.kwargs]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('refuses args that are neither', () => {
    expect(compile('go: {runner.state.orchestrate: [{args: text}]}').problems).toEqual([
      expect.stringContaining("runner.state.orchestrate of 'go' in a.sls: `args` is neither"),
    ]);
  });

  it('caller: args may be positional', () => {
    expect(compile('go: {caller.cmd.run: [{args: [echo 1]}]}').calls).toMatchObject([
      { client: 'caller', args: ['echo 1'] },
    ]);
  });

  it('legacy: everything beside a function of the master is its argument, but a name only when it was chosen', () => {
    const { calls } = compile(
      'go: {wheel.key.accept: [{match: x}, {order: 3}]}\nnamed: {wheel.key.accept: [{name: n}]}',
    );
    expect(calls.map(({ kwargs }) => [...kwargs])).toEqual([[['match', 'x']], [['name', 'n']]]);
  });

  it('suggests a client, a runner and words of a job', () => {
    const { problems } = compile(`
a: {lcal.test.ping: [{tgt: x}]}
b: {runner.state.orchestrat: []}
c: {local.state.apply: [{tgt: x}, {mods: web}, {expr_form: glob}]}
d: {local.test.ping: [{tgt: x}, {require: [{local: c}]}]}
e: {cmd.test.ping: [{tgt: x}]}
`);
    expect(problems).toEqual([
      expect.stringMatching(/e.*write `local` for `cmd`/),
      expect.stringMatching(/^a\.sls:2:\d+ \| error \| .*no client `lcal` \| .*local/),
      expect.stringMatching(/warning \| .*`mods` is not given to state\.apply/),
      expect.stringMatching(/warning \| .*`expr_form` is not given/),
      expect.stringMatching(/warning \| .*`require` changes nothing/),
      expect.stringMatching(/error \| .*no runner `state\.orchestrat` \| .*state\.orchestrate/),
    ]);
  });
});
