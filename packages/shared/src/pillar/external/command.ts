import { z } from 'zod';
import type { Command, Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineExternal, type ExternalKind } from './contract.ts';
import { type DataFormat, parseData } from './parse-data.ts';

const commandText = z.union([z.string().min(1), z.array(z.string()).min(1)]).describe('Program and arguments.');
const seconds = z.number().positive().max(3_600).default(30).describe('Seconds the command may take.');
const settings = z.union([
  commandText.transform((command) => ({ command, timeout: 30 })),
  z.strictObject({ command: commandText, timeout: seconds }),
]);

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** `cmd_yaml` and `cmd_json`: a command's output. `%s` in its words is the id. (Salt 3006 pillar/cmd_yaml.py.) */
export const commands: readonly ExternalKind<z.output<typeof settings>>[] = [
  commandSource('yaml'),
  commandSource('json'),
];

function commandSource(format: DataFormat): ExternalKind<z.output<typeof settings>> {
  return defineExternal<z.output<typeof settings>>({
    name: `cmd_${format}`,
    summary: `A command of the master that writes ${format.toUpperCase()}; no shell is involved.`,
    settings,
    create({ command, timeout }, { host }) {
      const words = typeof command === 'string' ? splitCommand(command) : command;
      return {
        timeoutMs: timeout * 1000,
        async fetch({ id }, signal) {
          const argv = words.map((word) => word.replaceAll('%s', safeId(id)));
          return { data: parseData(await output(argv as [string, ...string[]], host, signal), format, words[0]!) };
        },
      };
    },
  });
}

async function output(command: Command, host: Host, signal: AbortSignal): Promise<string> {
  const result = await host.probe(command, { maxOutputBytes: MAX_OUTPUT_BYTES, signal });
  if (result.exitCode === 0 && !result.truncated) return result.stdout;
  const reason = result.truncated
    ? `wrote more than ${MAX_OUTPUT_BYTES} bytes`
    : `exited ${result.exitCode}: ${result.stderr.trim().slice(-500) || 'it said nothing'}`;
  throw new EdgeError('EDGE_COMMAND_FAILED', `${command[0]} ${reason}`, {
    command: command[0],
    exitCode: result.exitCode,
  });
}

/** The words may be those of a shell (`sh -c '… %s'`): an id is never more than a name. */
function safeId(id: string): string {
  if (/^[A-Za-z0-9_][\w.@:-]*$/.test(id)) return id;
  throw new EdgeError('EDGE_BAD_ARGUMENT', `the id ${JSON.stringify(id)} is not put into a command`, { id });
}

/**
 * Words of a command line with single and double quotes and backslashes; what a shell would do more for is refused.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID`
 */
export function splitCommand(line: string): readonly string[] {
  const words: string[] = [];
  const token = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)/gsy;
  let word: string | undefined;
  let at = 0;
  for (let match = token.exec(line); match !== null; match = token.exec(line)) {
    at = token.lastIndex;
    const [whole, single, double, escaped, bare] = match;
    if (/^\s/.test(whole)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (bare !== undefined && /[|&;<>`$()]/.test(bare)) throw needsShell(line, bare);
    word = (word ?? '') + (single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? bare ?? '');
  }
  if (at < line.length)
    throw new EdgeError('EDGE_CONFIG_INVALID', `a quote is not closed in: ${line}`, { command: line });
  if (word !== undefined) words.push(word);
  if (words.length > 0) return words;
  throw new EdgeError('EDGE_CONFIG_INVALID', 'the command is empty');
}

function needsShell(line: string, part: string): EdgeError {
  return new EdgeError(
    'EDGE_CONFIG_INVALID',
    `\`${part}\` needs a shell, and no shell runs: ${line}`,
    { command: line },
    { hint: "Ask for one: ['sh', '-c', 'one | two']." },
  );
}
