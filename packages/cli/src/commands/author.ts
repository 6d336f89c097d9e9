import { type Compiled, EdgeError, type JsonValue, requireCompiled } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode, RENDER_STAGES, type RenderStage } from '@edge-run/shared/protocol/plain';
import { type Command, Option } from 'commander';
import { isMachineFormat } from '../flags.ts';
import type { ContextFile } from '../offline/index.ts';
import { emitData } from '../output/emit.ts';
import { renderDiagnostics } from '../output/errors.ts';
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
        'Renders without a master: the roots, pillars and Jinja options are those of the nearest edge.yaml, and the ' +
          'calls of templates run on this machine. --context names a JSON file (it exists, or ends in .json) with ' +
          'grains, pillar and opts. With --as and no such file the master renders; where none runs, this machine does.',
      )
      .addOption(
        new Option('--stage <stage>', 'how far: text, data, high data, or states in order (default: jinja)').choices(
          RENDER_STAGES,
        ),
      )
      .option('--as <minion>', 'with the grains and pillar of this minion')
      .option('--pillarenv <name>', 'pillar environment')
      .option('--saltenv <name>', 'file environment'),
    renderFile,
  );
}

/** What the line asks for. */
interface RenderLine {
  readonly file: string;
  readonly stage: RenderStage;
  readonly as: string | undefined;
  /** Encoded; undefined when there is no `pillar=`. */
  readonly pillar: JsonValue | undefined;
  readonly environments: { readonly saltenv?: string; readonly pillarenv?: string };
}

/** A rendered file: text, or encoded data. */
type Rendered = { readonly text: string } | { readonly value: JsonValue };

async function renderFile(session: Session, words: Parameters<typeof wordAt>[0], options: Options): Promise<ExitCode> {
  const { flags, io } = session;
  const line = await readLine(words, options);
  const { contextFileOf, readContextFile } = await import('../offline/index.ts');
  const file = contextFileOf(flags.context, io.cwd);
  if (line.as === undefined && file === undefined && flags.context !== undefined) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `--context ${flags.context} names a master, and none is asked without --as`,
      {},
      { hint: `Add --as MINION, or name a JSON file: --context ${flags.context}.json` },
    );
  }
  const context = file === undefined ? {} : await readContextFile(file);
  const asked = line.as !== undefined && file === undefined ? await askMaster(session, line, line.as) : undefined;
  const rendered = asked ?? (await renderHere(session, line, context));
  if ('value' in rendered) await emitData(session, plainJson(rendered.value));
  else if (isMachineFormat(flags.out)) await emitData(session, { text: rendered.text });
  else io.stdout.write(rendered.text);
  return EXIT.done;
}

const KEYWORDS = ['pillar', 'pillarenv', 'saltenv'] as const;

async function readLine(words: Parameters<typeof wordAt>[0], options: Options): Promise<RenderLine> {
  const { args, kwargs } = await encodeWords(wordsAt(words, 1));
  const given = new Map(kwargs);
  const unknown = [...args.map(String), ...given.keys()].find(
    (name) => !(KEYWORDS as readonly string[]).includes(name),
  );
  if (unknown !== undefined) {
    const { didYouMean } = await import('@edge-run/shared/schema');
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `render has no use for \`${unknown}\``,
      { word: unknown },
      {
        hint:
          didYouMean(unknown, KEYWORDS) || "Behind the file it takes pillar='{key: value}', pillarenv=… and saltenv=…",
      },
    );
  }
  const named = {
    ...textOption(Object.fromEntries(given), 'saltenv'),
    ...textOption(Object.fromEntries(given), 'pillarenv'),
  };
  return {
    file: wordAt(words, 0),
    stage: (options.stage as RenderStage | undefined) ?? 'jinja',
    as: typeof options.as === 'string' ? options.as : undefined,
    pillar: given.get('pillar'),
    environments: { ...named, ...textOption(options, 'saltenv'), ...textOption(options, 'pillarenv') },
  };
}

async function renderHere(session: Session, line: RenderLine, context: ContextFile): Promise<Rendered> {
  const [{ renderOffline }, { decodeValue, encodeValue, PyMap }] = await Promise.all([
    import('../offline/index.ts'),
    import('@edge-run/shared/values'),
  ]);
  const { flags, io } = session;
  if (line.as !== undefined && context.grains === undefined) {
    session.note(
      `note: the grains of ${line.as} are not known here; templates see those of this machine, with the id ${line.as}. ` +
        `--context FILE.json gives them: {"grains": {…}}`,
    );
  }
  const pillar = line.pillar === undefined ? undefined : decodeValue(line.pillar);
  if (pillar !== undefined && !(pillar instanceof PyMap))
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'pillar= is not a mapping', {}, { hint: "pillar='{key: value}'" });
  const controller = new AbortController();
  const release = io.onInterrupt(() => controller.abort());
  try {
    const answer = await renderOffline({
      file: line.file,
      stage: line.stage,
      cwd: io.cwd,
      context,
      signal: controller.signal,
      ...line.environments,
      ...(line.as === undefined ? {} : { id: line.as }),
      ...(flags.config === undefined ? {} : { config: flags.config }),
      ...(pillar === undefined ? {} : { pillar }),
    });
    const rendered = told(session, answer);
    return 'value' in rendered ? { value: encodeValue(rendered.value) } : rendered;
  } finally {
    release();
  }
}

/** What the master makes of it; undefined where none runs and the line names none. */
async function askMaster(session: Session, line: RenderLine, id: string): Promise<Rendered | undefined> {
  const { flags, io } = session;
  const { placeForMaster } = await import('../offline/index.ts');
  try {
    const master = await session.master();
    const place = placeForMaster(line.file, io.cwd, flags.config);
    const { warnings, ...rendered } = await master.ask('render', {
      path: place.path,
      id,
      stage: line.stage,
      ...(place.env === undefined ? {} : { saltenv: place.env }),
      ...line.environments,
      ...(line.pillar === undefined ? {} : { pillar: line.pillar }),
    });
    told(session, { value: true, diagnostics: warnings as Compiled<true>['diagnostics'] });
    return rendered;
  } catch (error) {
    if (flags.context !== undefined || flags.natsUrl !== undefined || !isNobodyThere(error)) throw error;
    session.note(`note: ${error.message}; rendering here instead`);
    return undefined;
  }
}

/** No master is configured, or the one that is does not run; a name that stands for none is a mistake. */
function isNobodyThere(error: unknown): error is EdgeError {
  if (!(error instanceof EdgeError)) return false;
  if (error.code === 'EDGE_NO_CONTEXT') return error.details.name === undefined;
  return error.code === 'EDGE_BUS_UNREACHABLE' || error.code === 'EDGE_MASTER_UNREACHABLE';
}

/** The value of a compilation, its warnings said. @throws DiagnosticsError */
function told<T>(session: Session, result: Compiled<T>): T {
  const value = requireCompiled(result);
  if (result.diagnostics.length > 0 && !session.flags.quiet)
    session.io.stderr.write(renderDiagnostics(result.diagnostics, session.noteStyle));
  return value;
}
