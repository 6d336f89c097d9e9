import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseShell } from '@edge-run/shared/policy/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const SHELLS = ['/bin/dash', '/bin/bash'].filter(existsSync);
/** Pieces that are read as parts of words, with everything that quotes in all shells. */
const piece = fc.constantFrom(
  'a',
  'B ',
  "'",
  '"',
  '\\',
  '\\\n',
  ' ',
  '\t',
  '#',
  '=',
  '-',
  '/',
  '1',
  '!',
  '%',
  ',',
  'é',
);

/** What the shell itself takes the words of a line for; undefined: it does not take it. */
function shellWords(shell: string, line: string): readonly string[] | undefined {
  const { status, stdout } = spawnSync(shell, ['-c', `printf '%s\\0' : ${line}`], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\0').slice(1, -1) : undefined;
}

describe.each(SHELLS)('words as %s reads them', (shell) => {
  // A process for each line: slow where much else runs.
  it('are what is judged', { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const line = pieces.join('');
        // A lone backslash at the end is one to dash; bash drops it where the line has a line break.
        fc.pre(!/(?<!\\)(?:\\\\)*\\$/.test(line));
        const expected = shellWords(shell, line);
        fc.pre(expected !== undefined);
        const [command] = parseShell(`printf ${line}`).commands;
        expect(command?.words.slice(1).map(({ text }) => text)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });
});
