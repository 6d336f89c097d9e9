import { EdgeError } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { type Command, Option } from 'commander';
import { isMachineFormat } from '../flags.ts';
import type { RenderStage } from '../offline/index.ts';
import { emitData } from '../output/emit.ts';
import { plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { encodeWords } from '../words.ts';
import { type Options, type Register, textOption, wordAt, wordsAt } from './registry.ts';

/** `render`: for those who write states. */
export function addAuthorCommands(program: Command, register: Register): void {
  register(
    program
      .command('render <file> [args...]')
      .summary('print a local file or SLS after its templates ran; pillar= overrides')
      .description(
        'Renders without a master: the roots are those of the nearest edge.yaml, the calls of templates run on this ' +
          'machine, and --context names a JSON file with grains, pillar and opts. With --as the master renders.',
      )
      .addOption(
        new Option('--stage <stage>', 'how far: text, data, high data, or states in order (default: jinja)').choices([
          'jinja',
          'yaml',
          'high',
          'low',
        ]),
      )
      .option('--as <minion>', 'ask the master, with the grains and pillar of this minion')
      .option('--pillarenv <name>', 'pillar environment')
      .option('--saltenv <name>', 'file environment'),
    renderFile,
  );
}

async function renderFile(session: Session, words: Parameters<typeof wordAt>[0], options: Options): Promise<ExitCode> {
  const { kwargs } = await encodeWords(wordsAt(words, 1));
  const pillar = new Map(kwargs).get('pillar');
  const file = wordAt(words, 0);
  if (typeof options.as === 'string') return askMaster(session, file, options, options.as, pillar);
  const [{ renderOffline }, { decodeValue, encodeValue, PyMap }] = await Promise.all([
    import('../offline/index.ts'),
    import('@edge-run/shared/values'),
  ]);
  const override = pillar === undefined ? undefined : decodeValue(pillar);
  if (override !== undefined && !(override instanceof PyMap))
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'pillar= is not a mapping', {}, { hint: "pillar='{key: value}'" });
  const { flags, io } = session;
  const controller = new AbortController();
  const release = io.onInterrupt(() => controller.abort());
  try {
    const answer = await renderOffline({
      file,
      stage: (options.stage as RenderStage | undefined) ?? 'jinja',
      cwd: io.cwd,
      signal: controller.signal,
      ...textOption(options, 'saltenv'),
      ...textOption(options, 'pillarenv'),
      ...(flags.config === undefined ? {} : { config: flags.config }),
      ...(flags.context === undefined ? {} : { contextFile: flags.context }),
      ...(override === undefined ? {} : { pillar: override }),
    });
    if ('value' in answer) await emitData(session, plainJson(encodeValue(answer.value)));
    else if (isMachineFormat(flags.out)) await emitData(session, answer);
    else io.stdout.write(answer.text);
  } finally {
    release();
  }
  return EXIT.done;
}

async function askMaster(
  session: Session,
  path: string,
  options: Options,
  id: string,
  pillar: Parameters<typeof plainJson>[0] | undefined,
): Promise<ExitCode> {
  if (options.stage === 'high' || options.stage === 'low')
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `the master renders files, not stage ${options.stage}`,
      {},
      { hint: `Ask the minion: edge-run ${id} state.show_${options.stage === 'low' ? 'low_sls' : 'sls'} ${path}` },
    );
  const answer = await (await session.master()).ask('render', {
    path,
    id,
    ...textOption(options, 'pillarenv'),
    ...textOption(options, 'saltenv'),
    ...(pillar === undefined ? {} : { pillar }),
  });
  const isData = options.stage === 'yaml' || isMachineFormat(session.flags.out);
  if (!isData) session.io.stdout.write(answer.text);
  else await emitData(session, answer.value === undefined ? { text: answer.text } : plainJson(answer.value));
  return EXIT.done;
}
