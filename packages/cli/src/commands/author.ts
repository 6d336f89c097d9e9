import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { isMachineFormat } from '../flags.ts';
import { emitData } from '../output/emit.ts';
import { plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { encodeWords } from '../words.ts';
import { type Options, type Register, textOption, wordAt, wordsAt } from './registry.ts';

/** `render`: for those who write states. */
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
