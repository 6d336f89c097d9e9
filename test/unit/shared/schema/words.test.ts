import { loadJson, loadYaml } from '@edge-run/shared/render';
import { readWords } from '@edge-run/shared/schema';
import { PyMap } from '@edge-run/shared/values';
import { expect, test } from 'vitest';

const read = (...words: string[]) => readWords(words, { yaml: loadYaml, json: loadJson });

test('a word keeps what was typed beside its value', () => {
  const { args, kwargs } = read('0755', 'mode=0755');
  expect(args).toEqual([{ typed: '0755', value: 755 }]);
  expect(kwargs.get('mode')).toEqual({ typed: '0755', value: 755 });
});

test('key:=json takes JSON and nothing else', () => {
  expect(read('pillar:={"a": [1]}').kwargs.get('pillar')!.value).toEqual(new PyMap([['a', [1]]]));
  expect(() => read('pillar:={a: 1}')).toThrow(/pillar:= takes JSON/);
});

test('a mapping marked as named arguments yields to words of the same name', () => {
  const { args, kwargs } = read('a=1', '{__kwarg__: True, a: 2, b: 3}');
  expect(args).toEqual([]);
  expect([...kwargs].map(([key, { value }]) => [key, value])).toEqual([
    ['a', 1],
    ['b', 3],
  ]);
});

test('a job id stays text, and so does what YAML would fold or cut', () => {
  const words = ['20240102030405123456', 'a\tb', '---', 'x # y', '1_000', '!!set {a}'];
  expect(read(...words).args.map(({ value }) => value)).toEqual(words);
});
