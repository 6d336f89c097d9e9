import { plainWords, readSaltWords } from '@edge-run/cli/shell';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('words that need no YAML to be read', () => {
  it('are names, and names of arguments with names', () => {
    expect(plainWords(['deploy-environment', 'pillarenv=prod'])).toEqual({
      args: [{ typed: 'deploy-environment', value: 'deploy-environment' }],
      kwargs: new Map([['pillarenv', { typed: 'prod', value: 'prod' }]]),
    });
  });

  it.each(['True', 'no', 'None', '3', '1e3', 'a: b', '[a]', '~', 'x=', 'x=1', 'x=yes', 'x:=1', '*', "'a'", 'a b', ''])(
    'are not %j',
    (word) => expect(plainWords([word])).toBeUndefined(),
  );

  it('are read as YAML would read them', () => {
    const letters = fc.constantFrom(...'aYnEofu0_-./=:'.split(''), 'true', 'null', 'none', 'inf', '1');
    const word = fc.array(letters, { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), (words) => {
        const plain = plainWords(words);
        if (plain !== undefined) expect(plain).toEqual(readSaltWords(words));
      }),
      { numRuns: 2_000 },
    );
  });
});
