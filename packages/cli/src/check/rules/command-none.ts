import { commandsOf } from './commands.ts';
import { finding, type Rule } from './rule.ts';

/** `None` in a command that no author wrote there. */
export const commandNone: Rule = {
  code: 'EDGE_COMMAND_NONE',
  severity: 'warning',
  units: ['highstate', 'sls', 'orchestration'],
  find: (unit, { sources }) =>
    unit.chunks.flatMap((chunk) =>
      commandsOf(unit, chunk)
        .filter(
          ({ text, source }) => NONE.test(text) && source !== undefined && !isWritten(sources.stateLines(source.file)),
        )
        .map(({ source }) =>
          finding(
            `the command of \`${chunk.id}\` says \`None\``,
            'a template printed a value that is not there: give it a default, or check the name',
            source,
          ),
        ),
    ),
};

const NONE = /\bNone\b/;

/** True when the word stands in the file beyond its templates, so that it may well be meant. */
function isWritten(lines: readonly string[]): boolean {
  return lines.some((line) => NONE.test(line.replace(/\{\{.*?\}\}|\{%.*?%\}|#.*$/g, '')));
}
