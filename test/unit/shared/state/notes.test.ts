import { Secret } from '@edge-run/shared/kernel';
import { type Change, changesOf, defineState, inSync, type StateModule } from '@edge-run/shared/modules/contract';
import { testStates } from '@edge-run/shared/modules/states';
import { encodeValue, PyMap } from '@edge-run/shared/values';
import { readStateReturns, type StateLine } from '@edge-run/shared/view';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bareContext, byName, compileFiles, runFiles, type SlsFiles } from '../../../support/state-files.ts';

const args = z.object({ name: z.string().describe('Free text.') });

function state(name: string, parts: Partial<StateModule>): StateModule {
  const check = async () => inSync();
  return defineState({ name, summary: 'For these tests.', effect: 'action', args, examples: [], check, ...parts });
}

function one(parts: Partial<Change>): Change {
  return { what: 'x', before: 'old', after: 'new', apply: async () => undefined, ...parts };
}

const unknown = one({ verb: 'run', before: null, after: 'x', changes: {} });

const states = byName(
  ...testStates,
  state('t.service', { onWatch: async () => changesOf(one({ verb: 'reload', changes: { reloaded: true } })) }),
  state('t.both', {
    check: async () => changesOf(one({ what: 'own' })),
    onWatch: async () => changesOf(one({ verb: 'restart' })),
  }),
  state('t.hook', { check: async () => changesOf(unknown), onWatch: async () => changesOf(unknown) }),
  state('t.new', { check: async () => changesOf(one({ before: null }), one({ what: 'mode' })) }),
  state('t.gone', { check: async () => changesOf(one({ after: null }), one({ what: 'y', after: undefined })) }),
  state('t.purged', { check: async () => changesOf(one({ after: null }), one({ what: 'mode' })) }),
);

/** Id → its line; a listener's reaction is under `listener_ID`. */
async function lines(files: SlsFiles | string, testing = true): Promise<Readonly<Record<string, StateLine>>> {
  const context = bareContext({ 'cmd.retcode': ([command]) => (command === 'true' ? 0 : 1) });
  const { returns } = await runFiles(typeof files === 'string' ? { 'a.sls': files } : files, states, {
    testing,
    context,
  });
  const view = readStateReturns(encodeValue(returns));
  return Object.fromEntries(view!.states.map((line) => [line.id, line]));
}

describe('place', () => {
  test('is the line of the state in the file it stands in', async () => {
    const found = await lines({
      'a.sls': 'include: [web.tls]\n\nx:\n  test.nop: []\nmany:\n  test.nop:\n    - names: [m]\n',
      'web/tls.sls': '\ny:\n  test.nop: []\n',
    });
    expect(Object.values(found).map(({ id, notes }) => [id, notes.place])).toEqual([
      ['y', 'web/tls.sls:3'],
      ['x', 'a.sls:4'],
      ['many', 'a.sls:7'],
    ]);
  });
});

describe('verb', () => {
  test('says what changes do: from nothing, to nothing, or as the module says', async () => {
    const found = await lines(
      'n: {t.new: []}\ng: {t.gone: []}\np: {t.purged: []}\nc: {test.succeed_with_changes: []}\nh: {t.hook: []}\nq: {test.nop: []}\n',
    );
    expect(Object.values(found).map(({ id, notes }) => [id, notes.verb])).toEqual([
      ['n', 'add'],
      ['g', 'remove'],
      ['p', 'change'],
      ['c', 'change'],
      ['h', 'run'],
      ['q', undefined],
    ]);
  });
});

describe('because', () => {
  const x = 'x: {test.succeed_with_changes: []}\n';
  test.each([
    ['watch', 's: {t.service: [{watch: [{test: x}]}]}', 's', 'reload'],
    ['onchanges', 's: {t.new: [{onchanges: [{test: x}]}]}', 's', 'add'],
    ['listen', 's: {t.service: [{listen: [{test: x}]}]}', 'listener_s', 'reload'],
    ['prereq', 's: {t.new: [{prereq: [{test: x}]}]}', 's', 'add'],
  ])('%s: names the state without which nothing would happen', async (requisite, text, id, verb) => {
    for (const testing of [true, false]) {
      const { notes } = (await lines(x + text, testing))[id]!;
      expect(notes).toMatchObject({ verb, because: [{ requisite, state: 'test', id: 'x' }] });
    }
  });
  test('names only those that change', async () => {
    const { s } = await lines(`${x}y: {test.nop: []}\ns: {t.service: [{watch: [{test: y}, {test: x}]}]}\n`);
    expect(s!.notes.because?.map(({ id }) => id)).toEqual(['x']);
  });
  test('is not said of a state that would change by itself, nor of one that would not act', async () => {
    const found = await lines(
      `${x}b: {t.both: [{watch: [{test: x}]}]}\nr: {t.new: [{require: [{test: x}]}]}\ny: {test.nop: []}\nq: {t.service: [{watch: [{test: y}]}]}\n`,
    );
    expect([found.b, found.r, found.q].map((line) => line!.notes.because)).toEqual([undefined, undefined, undefined]);
    expect(found.b!.notes.verb).toBe('change');
  });
});

describe('depends', () => {
  const hook = 'h: {t.hook: []}\n';
  test.each(['watch', 'onchanges', 'listen'] as const)('%s of what may change anything', async (requisite) => {
    const { s } = await lines(`${hook}s: {t.service: [{${requisite}: [{t: h}]}]}\n`);
    expect(s!.notes.depends).toEqual([{ requisite, state: 't', id: 'h' }]);
  });
  test('what depends on something doubtful is doubtful itself', async () => {
    const { z: last } = await lines(
      `${hook}s: {t.service: [{watch: [{t: h}]}]}\nz: {t.service: [{onchanges: [{t: s}]}]}\n`,
    );
    expect(last!.notes.depends).toEqual([{ requisite: 'onchanges', state: 't', id: 's' }]);
  });
  test('is not said where the state acts anyway, nor once everything has run', async () => {
    const text = `${hook}x: {test.succeed_with_changes: []}\ns: {t.service: [{watch: [{t: h}, {test: x}]}]}\n`;
    expect((await lines(text)).s!.notes.depends).toBeUndefined();
    expect((await lines(`${hook}s: {t.service: [{watch: [{t: h}]}]}\n`, false)).s!.notes.depends).toBeUndefined();
  });
});

describe('guards', () => {
  test('say why a state is skipped', async () => {
    const { s } = await lines("s: {t.hook: [{unless: 'true'}]}\n");
    expect(s!.notes).toMatchObject({ isSkipped: true, guards: ['unless is true: true'] });
  });
  test('say what they said where they let it run, one text each', async () => {
    const { s } = await lines("s: {t.hook: [{onlyif: ['true', 'true']}, {unless: 'false'}, {creates: /nowhere}]}\n");
    expect(s!.notes.guards).toEqual([
      'onlyif is true: true; true',
      'unless is false: false',
      'creates is not there: /nowhere',
    ]);
    expect(s!.notes.isSkipped).toBeUndefined();
  });
  test('tell no secret, and no novel', async () => {
    const plan = await compileFiles({ 'a.sls': 's: {t.hook: [{unless: x}]}\n' }, states);
    const unless = new PyMap([
      ['fun', 'cmd.retcode'],
      ['args', [new Secret('hidden'), 'y'.repeat(500)]],
    ]);
    const chunk = { ...plan.value!.chunks[0]!, guards: { unless: [unless] } };
    const { runPlan } = await import('@edge-run/shared/state');
    const context = bareContext({ 'cmd.retcode': () => 0 });
    const { returns } = await runPlan({ chunks: [chunk] }, { states, context, testing: true });
    const [said = ''] = readStateReturns(encodeValue(returns))!.states[0]!.notes.guards ?? [];
    expect(said).toContain('[secret]');
    expect(said.length).toBeLessThan(250);
  });
});
