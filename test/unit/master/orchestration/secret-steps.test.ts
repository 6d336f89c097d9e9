import { revealStep, sealStep, secretProblems } from '@edge-run/master/orchestration/internal';
import { Secret } from '@edge-run/shared/kernel';
import { keywords, positional } from '@edge-run/shared/orchestration';
import type { Chunk } from '@edge-run/shared/state';
import { encodeValue, fromPlain, type PyMap, Redactor, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';

const redactor = new Redactor();
redactor.learn([new Secret('hunter2'), new Secret('postgres'), new Secret('5', 'integer')]);

/** A step as it compiles, with these arguments. */
function stepOf(args: object, more: Partial<Chunk> = {}): Chunk {
  return {
    ...{ key: 'k', state: 'salt', fun: 'function', id: 'dump', name: 'cmd.run', sls: 'orch.x', env: 'base', order: 1 },
    ...{ args: fromPlain(args) as PyMap, low: fromPlain({ ...args, name: 'cmd.run' }) as PyMap, requisites: [] },
    ...{ guards: {}, options: { parallel: false } },
    ...more,
  };
}

const shown = (value: Value): unknown => encodeValue(value);

describe('a step with secrets', () => {
  const given = {
    tgt: 'postgres*',
    arg: ['pg_dump --password=hunter2', 'plain'],
    kwarg: { env: { PASSWORD: 'hunter2' }, timeout: 5 },
    batch: 5,
  };

  it('is shown without them, but for what it is known by', () => {
    const sealed = sealStep(stepOf(given, { guards: { unless: 'test hunter2' } as never }), redactor);
    const expected = {
      tgt: 'postgres*',
      arg: ['[secret]', 'plain'],
      kwarg: { env: { PASSWORD: '[secret]' }, timeout: '[secret]' },
      batch: '[secret]',
    };
    expect(shown(sealed.args)).toEqual(expected);
    expect(shown(sealed.low)).toEqual({ ...expected, name: 'cmd.run' });
    expect(shown(sealed.guards.unless as Value)).toBe('[secret]');
  });

  it('is done with them; what it hands on says itself what of it is secret', () => {
    const sealed = sealStep(stepOf(given, { guards: { unless: 'test hunter2' } as never }), redactor);
    const done = revealStep(sealed, true);
    expect(done.args.get('batch')).toBe(5);
    expect(done.guards.unless).toBe('test hunter2');
    const [command, plain] = positional(done.args.get('arg')) as [Secret, string];
    expect([command.reveal(), command.revealParts(), plain]).toEqual([
      'pg_dump --password=hunter2',
      ['hunter2'],
      'plain',
    ]);
    expect(shown(keywords(done.args.get('kwarg')).get('env')!)).toEqual({ PASSWORD: '[secret]' });
    expect(toPlain(revealStep(sealed, false).args)).toEqual(given);
  });

  it('splits a text of arguments into words, and only those with a secret in them are one', () => {
    const { args } = sealStep(stepOf({ arg: 'dump -p hunter2 --all' }), redactor);
    const words = positional(args.get('arg'));
    expect(shown([...words])).toEqual(['dump', '-p', '[secret]', '--all']);
    expect((words[2] as Secret).reveal()).toBe('hunter2');
    const spaced = new Secret('a b c', 'text', ['b c']);
    expect(shown([...positional(spaced)])).toEqual(['[secret]', '[secret]', '[secret]']);
  });

  it('hands on no slot: those are filled on the master', () => {
    const { args } = sealStep(stepOf({ arg: ['__slot__:salt:test.echo("hunter2")', 'hunter2'] }), redactor);
    expect(revealStep(stepOf({}, { args }), true).args.get('arg')).toEqual([
      '__slot__:salt:test.echo("hunter2")',
      'hunter2',
    ]);
  });

  it('is left as it is where there are none', () => {
    const step = stepOf(given);
    expect(sealStep(step, new Redactor())).toBe(step);
  });
});

describe('a step that is known by a secret', () => {
  const problems = async (step: Chunk, ...open: string[]): Promise<readonly string[]> =>
    (await secretProblems([step], redactor, async () => open)).map(({ code, summary }) => `${code} ${summary}`);

  it.each<[string, Partial<Chunk>, object, string]>([
    ['id', { id: 'with hunter2' }, {}, 'the id of step with [secret] holds'],
    ['name', { name: 'echo hunter2' }, {}, 'the name of step dump holds'],
    ['tgt', {}, { tgt: ['a', 'hunter2'] }, 'the tgt of step dump holds'],
  ])('%s', async (_, step, args, told) => {
    const found = await problems(stepOf(args, step), 'salt.function');
    expect(found).toEqual([expect.stringContaining(`EDGE_SECRET_IN_STEP ${told}`)]);
  });

  it('is none where the text is written in a file, or open in the pillar', async () => {
    const step = stepOf({ tgt: 'postgres1' }, { id: 'restart postgres' });
    expect(await problems(step, 'restart postgres:\n')).toEqual([]);
    expect(await problems(step)).toHaveLength(1);
  });

  it('is none for a secret that it is given', async () => {
    expect(await problems(stepOf({ arg: ['hunter2'], kwarg: { a: 'hunter2' } }))).toEqual([]);
  });
});
