import { type Diagnostic, formatPlace } from '@edge-run/shared/kernel';
import { cmdStates, fileStates, testStates } from '@edge-run/shared/modules/states';
import {
  compile,
  compileCatalog,
  compileLow,
  gatherHigh,
  type Plan,
  selectStates,
  withExclusions,
} from '@edge-run/shared/state';
import { decodeValue, encodeValue, PyMap } from '@edge-run/shared/values';
import { describe, expect, test } from 'vitest';
import { byName, compileFiles, gatherFiles, type SlsFiles, slsSource } from '../../../support/state-files.ts';

const states = byName(...testStates, ...cmdStates, ...fileStates);

async function problems(files: SlsFiles): Promise<readonly string[]> {
  const { value, diagnostics } = await compileFiles(files, states);
  expect(value).toBeUndefined();
  return diagnostics.map(shown);
}

function shown({ code, source, summary, detail }: Diagnostic): string {
  const place = source === undefined ? '?' : formatPlace({ file: source.file, line: source.line });
  return `${place} ${code} ${summary}${detail === '' ? '' : ` (${detail})`}`;
}

async function plan(files: SlsFiles): Promise<Plan> {
  const { value, diagnostics } = await compileFiles(files, states);
  expect(diagnostics.filter(({ severity }) => severity === 'error').map(shown)).toEqual([]);
  return value!;
}

describe('compile: what is wrong', () => {
  test('is all reported at once, each with its line', async () => {
    expect(
      await problems({
        'a.sls': `
one:
  test.nopp: []
two:
  tst.nop: []
three:
  test.nop:
    - require:
      - test: fuor
four:
  test.show_notification:
    - txt: hi
five:
  test.nop:
    a: 1
six:
  test.nop:
    - watch: one
`,
      }),
    ).toEqual([
      "a.sls:14 EDGE_SLS_SHAPE State 'five' in SLS 'a' is not formed as a list (write each argument of test.nop behind `- `)",
      expect.stringMatching(
        /^a\.sls:18 EDGE_SLS_SHAPE The watch statement in state 'six' in SLS 'a' needs to be formed as a list/,
      ),
      "a.sls:9 EDGE_STATE_REQUISITE_MISSING require of 'three' in SLS 'a' was not found: test: fuor (did you mean `four`?)",
      expect.stringMatching(
        /^a\.sls:3 EDGE_UNKNOWN_FUNCTION there is no state `test\.nopp` \(did you mean `test\.nop`\?\)/,
      ),
      expect.stringMatching(/^a\.sls:5 EDGE_UNKNOWN_STATE .*`tst`.*\(did you mean `test`\?\)/),
      expect.stringMatching(/^a\.sls:12 EDGE_UNKNOWN_ARGUMENT unknown argument `txt`.*did you mean `text`/),
    ]);
  });

  test('a missing argument points at the state', async () => {
    const [problem] = await problems({ 'a.sls': 'x:\n  test.show_notification: []\n' });
    expect(problem).toMatch(/^a\.sls:2 EDGE_MISSING_ARGUMENT test\.show_notification needs `text`/);
  });

  test('a misspelt requisite is recognised', async () => {
    const [problem] = await problems({
      'a.sls': 'x:\n  test.show_notification:\n    - text: hi\n    - requre: [{test: y}]\ny: {test.nop: []}\n',
    });
    expect(problem).toMatch(/^a\.sls:4 EDGE_UNKNOWN_ARGUMENT .*did you mean `require`/);
  });

  test('a circle of requisites is shown whole', async () => {
    const found = await problems({
      'a.sls': `
a: {test.nop: [{require: [{test: b}]}]}
b: {test.nop: [{watch: [{test: c}]}]}
c: {test.nop: [{onchanges: [{test: a}]}]}
`,
    });
    expect(found).toEqual([
      "a.sls:2 EDGE_STATE_REQUISITE_RECURSIVE A recursive requisite was found in SLS 'a': test: a → test: b → test: c → test: a (each waits for the next one; take one of these requisites out)",
    ]);
  });

  test('an ID in two files is reported with both places', async () => {
    const high = await gatherFiles({
      'a.sls': 'include: [b]\nsame:\n  test.nop: []\n',
      'b.sls': '\n\nsame:\n  test.nop: []\n',
    });
    const [problem] = high.diagnostics;
    expect(problem!.code).toBe('EDGE_STATE_DUPLICATE_ID');
    expect([problem!.source, ...problem!.chain!].map((place) => `${place!.file}:${place!.line}`)).toEqual([
      'b.sls:3',
      'a.sls:2',
    ]);
  });

  test('a missing include is reported where it is asked for, with the way there', async () => {
    const high = await gatherFiles({
      'a.sls': 'include:\n  - b\n',
      'b.sls': 'include:\n  - comon\n',
      'common.sls': 'c:\n  test.nop: []\n',
    });
    const [problem] = high.diagnostics;
    expect(shown(problem!)).toBe(
      "b.sls:2 EDGE_SLS_NOT_FOUND No matching sls found for 'comon' in env 'base' (did you mean `common`?)",
    );
    expect(problem!.chain!.map(({ file, line }) => `${file}:${line}`)).toEqual(['a.sls:2']);
  });

  test('an extension of an ID that is not there', async () => {
    expect(await problems({ 'a.sls': 'extend:\n  ngnix:\n    test:\n      - x: 1\nnginx:\n  test.nop: []\n' })).toEqual(
      [
        "a.sls:2 EDGE_STATE_EXTEND Cannot extend ID 'ngnix' in 'base:a'. It is not part of the high state. (did you mean `nginx`?)",
      ],
    );
  });

  test('a retry that makes no sense', async () => {
    const [problem] = await problems({ 'a.sls': 'x:\n  test.nop:\n    - retry:\n        attempts: 0\n' });
    expect(problem).toMatch(/^a\.sls:3 EDGE_SLS_SHAPE retry of 'x'.*attempts is 0/);
  });

  test('what refers to a broken state is not reported again', async () => {
    expect(
      await problems({ 'a.sls': 'x:\n  test.nop:\n    a: 1\ny:\n  test.nop:\n    - require: [{test: x}]\n' }),
    ).toHaveLength(1);
  });

  test('a slot may stand for an argument of any kind', async () => {
    const { chunks } = await plan({
      'a.sls': 'x:\n  test.configurable_test_state:\n    - result: __slot__:salt:test.true()\n',
    });
    expect(chunks[0]!.args.get('result')).toBe('__slot__:salt:test.true()');
  });
});

describe('compile: what is right', () => {
  test('splits arguments, guards, the runner words and requisites', async () => {
    const { chunks } = await plan({
      'a.sls': `
x:
  cmd.run:
    - name: echo hi
    - cwd: /
    - runas: nobody
    - unless: 'false'
    - failhard: True
    - retry: {attempts: 3, interval: 1}
    - fire_event: done
    - require_any: [{test: y}]
    - onfail_all: [{test: y}]
y:
  test.nop: []
`,
    });
    const [y, x] = [chunks.find(({ id }) => id === 'y')!, chunks.find(({ id }) => id === 'x')!];
    expect([...x.args.keys()]).toEqual(['name', 'cwd', 'runas']);
    expect(x.guards).toEqual({ unless: 'false' });
    expect(x.options).toEqual({
      failhard: true,
      parallel: false,
      retry: { attempts: 3, intervalSeconds: 1, splaySeconds: 0, until: true },
      fireEvent: 'done',
      runAs: 'nobody',
    });
    expect(x.requisites).toEqual([
      { kind: 'require', quantifier: 'any', targets: [y.key] },
      { kind: 'onfail', quantifier: 'all', targets: [y.key] },
    ]);
    expect(x.place).toMatchObject({ file: 'a.sls', line: 3 });
  });

  test('require_in, listen_in and sls requisites end on their targets', async () => {
    const { chunks } = await plan({
      'a.sls': `
include: [b]
x: {test.nop: [{require_in: [{test: y}]}, {listen_in: [{test: y}]}]}
y: {test.nop: [{watch: [{sls: b}]}]}
`,
      'b.sls': 'b1: {test.nop: []}\nb2: {test.nop: []}\n',
    });
    expect(chunks.find(({ id }) => id === 'y')!.requisites).toEqual([
      { kind: 'require', quantifier: 'all', targets: ['test_|-x_|-x_|-nop'] },
      { kind: 'watch', quantifier: 'all', targets: ['test_|-b1_|-b1_|-nop', 'test_|-b2_|-b2_|-nop'] },
      { kind: 'listen', quantifier: 'any', targets: ['test_|-x_|-x_|-nop'] },
    ]);
  });

  test('lists shared by a YAML anchor stay apart', async () => {
    const { chunks } = await plan({ 'a.sls': 'x:\n  test.nop: &args\n    - a: 1\ny:\n  test.nop: *args\n' });
    expect(chunks.map(({ key, args }) => [key, args.get('a')])).toEqual([
      ['test_|-x_|-x_|-nop', 1],
      ['test_|-y_|-y_|-nop', 1],
    ]);
  });

  test('does not change the high data it is given', async () => {
    const files = {
      'a.sls':
        'extend:\n  x:\n    test:\n      - require: [{test: y}]\nx:\n  test.nop:\n    - require: [{test: z}]\ny: {test.nop: []}\nz: {test.nop: []}\n',
    };
    const { value: high } = await gatherFiles(files);
    const before = JSON.stringify(encodeValue(high!.data));
    compile(high!, compileCatalog(states));
    expect(JSON.stringify(encodeValue(high!.data))).toBe(before);
  });

  test('a caller may exclude, and places are kept', async () => {
    const { value: high } = await gatherFiles({
      'a.sls': 'include: [b]\nx:\n  test.nop: []\n',
      'b.sls': 'y: {test.nop: []}\n',
    });
    const { value } = compile(withExclusions(high!, [decodeValue({ sls: 'b' })]), compileCatalog(states));
    expect(value!.chunks.map(({ id, place }) => [id, place?.file, place?.line])).toEqual([['x', 'a.sls', 3]]);
  });

  test('one ID is selected with all it requires', async () => {
    const whole = await plan({
      'a.sls':
        'q: {test.nop: [{require: [{test: r}]}]}\nother: {test.nop: []}\nr: {test.nop: [{onchanges: [{test: s}]}]}\ns: {test.nop: []}\n',
    });
    expect(selectStates(whole, 'q').chunks.map(({ id }) => id)).toEqual(['q', 'r', 's']);
    expect(selectStates(whole, 'none').chunks).toEqual([]);
  });

  test('an include with a glob, dots and another environment', async () => {
    const files = {
      'app/init.sls': 'include:\n  - .parts.*\n  - dev: tools\nmain: {test.nop: []}\n',
      'app/parts/one.sls': 'one: {test.nop: []}\n',
      'app/parts/two.sls': 'include: [..other]\ntwo: {test.nop: []}\n',
      'app/other.sls': 'other: {test.nop: []}\n',
      'dev:tools.sls': 'tools: {test.nop: []}\n',
    };
    const { value } = await gatherHigh(new Map([['base', ['app']]]), slsSource(files));
    const low = compileLow(value!).value!;
    expect(low.map((chunk) => `${chunk.get('__env__')}:${chunk.get('__sls__')}:${chunk.get('__id__')}`)).toEqual([
      'base:app.parts.one:one',
      'base:app.other:other',
      'base:app.parts.two:two',
      'dev:tools:tools',
      'base:app:main',
    ]);
  });
});

describe('compile: large trees', () => {
  const high = (count: number, body: (index: number) => readonly unknown[]): PyMap => {
    const ids = Array.from({ length: count }, (_, index) => {
      const list = body(index).map((item) => (typeof item === 'string' ? item : decodeValue(item as never)));
      return [
        `s${index}`,
        new PyMap([
          ['test', list],
          ['__sls__', 'a'],
          ['__env__', 'base'],
        ]),
      ] as const;
    });
    return new PyMap(ids);
  };
  const bare = async (data: PyMap): Promise<Plan> => {
    const { bareHighData } = await import('@edge-run/shared/state');
    const { value, diagnostics } = compile(bareHighData(data), compileCatalog(states));
    expect(diagnostics).toEqual([]);
    return value!;
  };

  test('10,000 IDs', async () => {
    expect((await bare(high(10_000, () => ['nop']))).chunks).toHaveLength(10_000);
  });

  test('a chain of 5,000 requisites', async () => {
    const chain = high(5_000, (index) => ['nop', ...(index === 0 ? [] : [{ require: [{ test: `s${index - 1}` }] }])]);
    expect((await bare(chain)).chunks.at(-1)!.requisites).toHaveLength(1);
  });

  test('5,000 states that put themselves before one', async () => {
    const fan = high(5_000, (index) => ['nop', ...(index === 0 ? [] : [{ require_in: [{ test: 's0' }] }])]);
    expect((await bare(fan)).chunks[0]!.requisites[0]!.targets).toHaveLength(4_999);
  });
});
