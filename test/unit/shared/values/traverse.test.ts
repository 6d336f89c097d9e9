import { loadYaml } from '@edge-run/shared/render';
import { PyTuple, toPlain, traverse, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';

const DATA = loadYaml(`
a: {b: {c: 1}, 'x:y': colons}
list: [zero, {name: first, 0: keyed}, {name: second, port: 80}]
plain: [p, q, r]
yes: true key
1.5: float key
~: null key
755: zeros fall away
'2': text wins
2: number loses
nothing: null
text: abc
1_0: underscores
`);

/** The rules of `traverse_dict_and_list` of Salt 3006, one by one; undefined where it answers its default. */
describe('traverse', () => {
  it.each<[string, string, unknown]>([
    ['a:b:c', ':', 1],
    ['a:b', ':', { c: 1 }],
    ['a/b/c', '/', 1],
    ['a|x:y', '|', 'colons'],
    ['a:x:y', ':', undefined],
    ['list:0', ':', 'keyed'],
    ['list:1:name', ':', 'first'],
    ['list:name', ':', 'first'],
    ['list:port', ':', 80],
    ['list:-1:port', ':', 80],
    ['list:none', ':', undefined],
    ['plain:0', ':', 'p'],
    ['plain: +1 ', ':', 'q'],
    ['plain:-1', ':', 'r'],
    ['plain:3', ':', undefined],
    ['plain:-4', ':', undefined],
    ['plain:x', ':', undefined],
    ['1', ':', 'true key'],
    ['true', ':', 'true key'],
    ['on', ':', 'true key'],
    ['1.5', ':', 'float key'],
    ['None', ':', 'null key'],
    ['null', ':', 'null key'],
    ['0755', ':', 'zeros fall away'],
    ['2', ':', 'text wins'],
    ['nothing', ':', null],
    ['nothing:x', ':', undefined],
    ['text:0', ':', undefined],
    ['1_0', ':', undefined],
    ['', ':', undefined],
    ['missing:x', ':', undefined],
  ])('%s by %s', (path, delimiter, wanted) => {
    const found = traverse(DATA, path, delimiter);
    expect(found === undefined ? undefined : toPlain(found)).toEqual(wanted);
  });

  it('enters no tuple', () => {
    expect(traverse(new PyTuple(['a']) as Value, '0')).toBeUndefined();
  });
});
