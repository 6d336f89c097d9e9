import type { Diagnostic } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { isMachineFormat } from '../flags.ts';
import { emitData } from '../output/emit.ts';
import { countOf, renderDiagnostics } from '../output/errors.ts';
import { plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { encodeWords } from '../words.ts';
import { type Options, type Register, textOption, wordAt, wordsAt } from './registry.ts';

const CHECK_WITHIN_MS = 300_000;

/** `render` and `check`: for those who write states. */
export function addAuthorCommands(program: Command, register: Register): void {
  register(
    program
      .command('render <path> [args...]')
      .summary('print a file after its templates ran; pillar= overrides')
      .option('--id <minion>', 'with the grains and pillar of this minion')
      .option('--pillarenv <name>', 'pillar environment')
      .option('--saltenv <name>', 'file environment'),
    renderFile,
  );
  register(
    program
      .command('check [path]')
      .alias('lint')
      .summary('look for mistakes in states, pillars, orchestrations and reactors'),
    checkFiles,
  );
}

async function renderFile(session: Session, words: Parameters<typeof wordAt>[0], options: Options): Promise<ExitCode> {
  const { kwargs } = await encodeWords(wordsAt(words, 1));
  const pillar = new Map(kwargs).get('pillar');
  const answer = await (await session.master()).ask('render', {
    path: wordAt(words, 0),
    ...textOption(options, 'id'),
    ...textOption(options, 'pillarenv'),
    ...textOption(options, 'saltenv'),
    ...(pillar === undefined ? {} : { pillar }),
  });
  if (!isMachineFormat(session.flags.out)) session.io.stdout.write(answer.text);
  else await emitData(session, answer.value === undefined ? { text: answer.text } : plainJson(answer.value));
  return EXIT.done;
}

async function checkFiles(session: Session, words: Parameters<typeof wordAt>[0]): Promise<ExitCode> {
  const path = wordAt(words, 0);
  const startedAt = session.io.clock.now();
  const timeoutMs = session.flags.timeoutMs ?? CHECK_WITHIN_MS;
  const client = await session.master();
  const answer = await client.ask('check', path === '' ? {} : { path }, { timeoutMs });
  const diagnostics = answer.diagnostics as readonly Diagnostic[];
  const failed = diagnostics.some((diagnostic) => diagnostic.severity === 'error');
  if (isMachineFormat(session.flags.out)) await emitData(session, answer);
  else if (diagnostics.length > 0) session.io.stdout.write(renderDiagnostics(diagnostics, session.style));
  const took = ((session.io.clock.now() - startedAt) / 1000).toFixed(1);
  session.note(`${countOf(answer.files, 'file')} checked   ${took} s`);
  return failed ? EXIT.notStarted : EXIT.done;
}
