import { Secret } from '@edge-run/shared/kernel';
import {
  explainMatch,
  matchTarget,
  parseTarget,
  printTarget,
  selectTargets,
  type TargetContext,
  type TargetExpression,
} from '@edge-run/shared/target';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const subject = (id: string, grains: object = {}, pillar: object = {}) => ({
  id,
  grains: fromPlain(grains) as PyMap,
  pillar: fromPlain(pillar) as PyMap,
});
const web1 = subject('web1', { os: 'Debian', roles: ['web', 'cache'], ipv4: ['10.1.2.3'], n: 1.5 }, { tier: 'gold' });

function matches(expression: string, type = 'compound', context: TargetContext = {}): boolean {
  const { value, diagnostics } = parseTarget(expression, type);
  if (value === undefined) throw new Error(diagnostics[0]?.summary);
  return matchTarget(value, web1, context);
}

describe('parseTarget: errors stand at their column', () => {
  it.each([
    ['web* and', 'compound', 6, 'missing after `and`'],
    ['and web*', 'compound', 1, 'missing before `and`'],
    ['web* db*', 'compound', 6, '`and` or `or` is missing'],
    ['( web*', 'compound', 1, 'never closed'],
    ['web* )', 'compound', 6, 'without a `(`'],
    ['( )', 'compound', 3, 'missing before `)`'],
    ['(web* or db*)', 'compound', 1, 'glued'],
    ['web* AND db*', 'compound', 6, 'missing before `AND`'],
    ['web* and OR', 'compound', 10, 'lower case'],
    ['not not web*', 'compound', 5, 'not not'],
    ['web* or X@foo', 'compound', 9, 'no matcher'],
    ['web* or G@os', 'compound', 9, 'no value'],
    ['web* or S@10.1.2.3/16', 'compound', 9, 'host bits'],
    ['web* or E@a[', 'compound', 12, 'unterminated character set'],
    ['P@os:Deb(', 'compound', 9, 'unterminated subpattern'],
    ['a,b', 'compound', 1, 'L@'],
    ['I:/@a/b', 'compound', 1, 'one character'],
    ['L;@a', 'compound', 1, 'takes no delimiter'],
    ['G@', 'compound', 1, 'needs something'],
    ['', 'glob', 1, 'empty'],
    [' , ', 'list', 1, 'empty'],
    ['x', 'globb', 1, 'unknown target type'],
  ])('%j as %s', (expression, type, column, summary) => {
    const { value, diagnostics } = parseTarget(expression, type);
    expect(value).toBeUndefined();
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]!.summary).toContain(summary);
    expect(diagnostics[0]!.source).toMatchObject({ line: 1, column, text: expression });
  });

  it('suggests the type that was meant', () => {
    expect(parseTarget('x', 'globb').diagnostics[0]!.detail).toBe('did you mean `glob`?');
  });

  it('warns of ids with blanks, which match nothing', () => {
    const { value, diagnostics } = parseTarget('a, b', 'list');
    expect(value).toMatchObject({ ids: ['a', ' b'] });
    expect(diagnostics).toMatchObject([{ severity: 'warning', source: { column: 3 } }]);
  });
});

describe('matchTarget', () => {
  it('binds not tighter than and, and tighter than or', () => {
    expect(matches('db* or web* and not db*')).toBe(true);
    expect(matches('not web* or web*')).toBe(true);
    expect(matches('not ( web* or db* )')).toBe(false);
    expect(matches('web* not db*')).toBe(true);
  });

  it('keeps words of a list together', () => {
    const { value } = parseTarget(['G@os:De bian', 'or', 'web1'], 'compound');
    expect(value).toMatchObject({ kind: 'or', operands: [{ path: 'os:De bian' }, { pattern: 'web1' }] });
  });

  it('compares floats as Python prints them', () => {
    expect(matches('G@n:1.5')).toBe(true);
  });

  it('never tells what a secret is', () => {
    const host = { ...web1, pillar: new PyMap([['password', new Secret('x')]]) };
    const { value } = parseTarget('password:x', 'pillar_exact');
    expect(matchTarget(value!, host)).toBe(false);
  });

  it('resolves nested nodegroups and refuses circles and unknown ones', () => {
    const nodegroups = { web: 'web*', both: ['N@web', 'and', 'G@os:Debian'], a: 'N@b', b: 'N@a', bad: 'web* and' };
    expect(matches('N@both', 'compound', { nodegroups })).toBe(true);
    expect(() => matches('N@a', 'compound', { nodegroups })).toThrow('a → b → a');
    expect(() => matches('N@webb', 'compound', { nodegroups })).toThrow('no nodegroup is named `webb`');
    expect(() => matches('N@bad', 'compound', { nodegroups })).toThrow('column 6');
  });

  it('takes ranges from their source and is clear where there is none', () => {
    expect(matches('R@web1..3', 'compound', { range: () => new Set(['web1', 'web2', 'web3']) })).toBe(true);
    expect(() => matches('R@web1..3')).toThrow('no range source');
  });

  it('matches networks by mask, too', () => {
    expect(matches('10.1.0.0/255.255.0.0', 'ipcidr')).toBe(true);
    expect(parseTarget('10.1.0.0/255.0.255.0', 'ipcidr').value).toBeUndefined();
    expect(parseTarget('fd00::1:0/112', 'ipcidr').value).toBeDefined();
    expect(parseTarget('fd00::1:1/112', 'ipcidr').value).toBeUndefined();
  });
});

describe('explainMatch', () => {
  it('says which part decided, and by what', () => {
    const { value } = parseTarget('web* and not G@roles:web', 'compound');
    const reason = explainMatch(value!, web1);
    expect(reason.matched).toBe(false);
    expect(reason.because).toBe('not G@roles:web: not, where roles is ["web","cache"], matches');
    expect(reason.parts.map(({ matched }) => matched)).toEqual([true, false]);
  });

  it('does not show pillar values', () => {
    const { value } = parseTarget('tier:silver', 'pillar');
    expect(explainMatch(value!, web1).because).toBe('pillar has tier, does not match');
  });
});

describe('selectTargets', () => {
  const hosts = ['web1', 'web2', 'db1'].map((id) => subject(id));
  it('picks in the order of the candidates and names listed ids nobody has', () => {
    const { value } = selectTargets('L@db1,db9 or web*', 'compound', hosts);
    expect(value!.matched.map(({ id }) => id)).toEqual(['web1', 'web2', 'db1']);
    expect(value!.missing).toEqual(['db9']);
  });

  it('selects nothing and says why on an error', () => {
    expect(selectTargets('N@x', 'compound', hosts)).toMatchObject({
      value: undefined,
      diagnostics: [{ code: 'EDGE_TARGET_NODEGROUP' }],
    });
  });
});

describe('printTarget', () => {
  const at = { start: 0, end: 0 };
  const name = fc.stringMatching(/^[a-z][a-z0-9._-]{0,6}$/).filter((word) => !['and', 'or', 'not'].includes(word));
  const leaf: fc.Arbitrary<TargetExpression> = fc.oneof(
    name.map((text) => ({ kind: 'glob' as const, pattern: `${text}*`, at })),
    name.map((text) => ({ kind: 'pcre' as const, pattern: `^${text}(1|2)`, at })),
    fc.array(name, { minLength: 1, maxLength: 3 }).map((ids) => ({ kind: 'list' as const, ids, at })),
    fc
      .tuple(
        fc.constantFrom('grain', 'grain_pcre', 'pillar', 'pillar_pcre'),
        fc.constantFrom(':', '|', '/'),
        name,
        name,
      )
      .map(
        ([kind, delimiter, key, value]) =>
          ({ kind, path: `${key}${delimiter}${value}`, delimiter, at }) as TargetExpression,
      ),
    fc.constantFrom('10.0.0.0/8', '::1').map((network) => ({ kind: 'ipcidr' as const, network, at })),
    name.map((text) => ({ kind: 'nodegroup' as const, name: text, at })),
    name.map((range) => ({ kind: 'range' as const, range, at })),
  );
  const { tree } = fc.letrec<{ tree: TargetExpression }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      tie('tree').map((operand) => ({ kind: 'not' as const, operand, at })),
      fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('tree'), { minLength: 2, maxLength: 3 }))
        .map(([kind, operands]) => ({ kind, operands, at })),
    ),
  }));

  it('writes what parses to the same tree', () => {
    fc.assert(
      fc.property(tree, (target) => {
        const { value } = parseTarget(printTarget(target), 'compound');
        expect(withoutPlaces(value!)).toEqual(withoutPlaces(target));
      }),
    );
  });

  it('never lets a parse of any text throw', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('glob', 'pcre', 'compound', 'grain_pcre', 'ipcidr', 'list'),
        (text, type) => {
          const { value, diagnostics } = parseTarget(text, type);
          expect(value !== undefined || diagnostics.length > 0).toBe(true);
        },
      ),
    );
  });
});

function withoutPlaces(target: TargetExpression): unknown {
  return JSON.parse(JSON.stringify(target, (key, value: unknown) => (key === 'at' ? undefined : value)));
}
