import { EdgeError } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { type Command, CommanderError } from 'commander';
import { groupsFor } from './command-groups.ts';
import type { Argument, Handler, Register } from './commands/registry.ts';
import { dispatch } from './dispatch.ts';
import { isMachineFormat, isReportFormat, readFlags } from './flags.ts';
import type { Io } from './io.ts';

import { errorJson, exitCodeOf, renderError } from './output/errors.ts';
import { styleFor } from './output/style.ts';
import { createProgram } from './program.ts';
import { createSession } from './session.ts';

/** Runs one command line; never throws. The result is the exit code. */
export async function runCli(argv: readonly string[], io: Io, version: string): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  let literalWords = 0;
  const register: Register = (command, handler) =>
    command.action(async () => {
      exitCode = await runHandler(command, handler, io, literalWords);
    });
  const program = await createProgram(version, register, groupsFor(argv));
  quietCommander(program, io);
  try {
    const line = dispatch(argv, program);
    literalWords = line.literalWords;
    if (line.unknown !== undefined) throw await unknownCommand(line.unknown, program);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(line.argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    return reportError(error instanceof CommanderError ? fromCommander(error) : error, argv, program, io);
  }
}

async function runHandler(command: Command, handler: Handler, io: Io, literalWords: number): Promise<ExitCode> {
  const flags = readFlags(command.optsWithGlobals());
  if (isReportFormat(flags.out) && command.name() !== 'export') {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `-o ${flags.out} is for jobs export`,
      { out: flags.out },
      { hint: `Write: edge-run jobs export @last -o ${flags.out}` },
    );
  }
  const session = createSession(io, flags, literalWords);
  try {
    return await handler(session, command.processedArgs as Argument[], command.opts());
  } finally {
    await session.close();
  }
}

/** Commander's own texts go where ours go, and its exits become exceptions. */
function quietCommander(command: Command, io: Io): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: () => {},
    getOutHelpWidth: () => io.stdout.columns ?? 100,
    outputError: () => {},
  });
  for (const child of command.commands) quietCommander(child, io);
}

function fromCommander(error: CommanderError): EdgeError {
  if (error.message === '(outputHelp)') return new EdgeError('EDGE_BAD_ARGUMENT', 'which of its commands?');
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n(');
  const hint = suggestion?.replace(/\)$/, '').replace(/^Did/, 'did');
  return new EdgeError('EDGE_BAD_ARGUMENT', message, {}, hint === undefined ? {} : { hint });
}

async function unknownCommand(word: string, program: Command): Promise<EdgeError> {
  const { didYouMean } = await import('@edge-run/shared/schema');
  const suggestion = didYouMean(
    word,
    program.commands.map((command) => command.name()),
  );
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `\`${word}\` is no command, and as a target it needs a function`,
    { word },
    {
      hint: suggestion === '' ? `To run a function on it: edge-run '${word}' test.ping` : suggestion,
    },
  );
}

/** Prints an error: to a person on stderr, to a program (`-o json`) on stdout. */
function reportError(error: unknown, argv: readonly string[], program: Command, io: Io): ExitCode {
  const flags = readFlags(program.opts());
  const next = `edge-run ${nearestCommand(argv, program)}--help`;
  if (isMachineFormat(flags.out)) {
    const indent = flags.out === 'jsonl' ? 0 : 2;
    io.stdout.write(`${JSON.stringify(errorJson(error, next), null, indent)}\n`);
  } else io.stderr.write(renderError(error, styleFor(io.stderr, flags.color, io.env), next));
  if (flags.verbose > 1 && error instanceof Error) io.stderr.write(`${error.stack ?? ''}\n`);
  return exitCodeOf(error);
}

/** The command whose help belongs to a line: `orch ls `, or nothing. */
function nearestCommand(argv: readonly string[], program: Command): string {
  let command = program;
  let path = '';
  for (const word of argv) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    command = next;
    path += `${word} `;
  }
  return path;
}
