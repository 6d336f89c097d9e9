import { dirname } from 'node:path/posix';
import type { Command, Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import type { ModuleContext } from '../contract/index.ts';
import { mustRun, readText } from '../operations/index.ts';
import {
  isSatisfied,
  NO_PIP,
  type PipOptions,
  parseRequirement,
  parseRequirements,
  parseWouldInstall,
  pipCommand,
  pipExec,
  pipPackages,
  type Requirement,
} from '../providers/pip/index.ts';
import { fetchContent } from './cp-files.ts';
import { type PipInstallArgs, pipInstallWords } from './pip-arguments.ts';

/** How deep files of requirements may name one another. */
const MOST_NESTED = 10;
/** Asks python which of several conditions hold, as pip does; the answer is a line for each. */
const EVALUATE = `import sys
from pip._vendor.packaging.markers import Marker
for text in sys.argv[1:]: print(Marker(text).evaluate({"extra": ""}))`;

/** What pip is to have installed. */
export interface PipGoal {
  readonly packages: readonly string[];
  /** `salt://` path or path on the host. */
  readonly requirements?: string | undefined;
  readonly args: PipInstallArgs;
  readonly options: PipOptions;
}

/** What is not as it should be. */
export interface PipLook {
  /** Packages as they were asked for, or names with versions that pip would bring. */
  readonly missing: readonly string[];
  /** Of those, the ones of the file of requirements. */
  readonly fromFile: readonly string[];
  readonly installed: ReadonlyMap<string, string>;
}

/** Looks which packages pip has to install. An upgrade asks pip, and with it the index, what it would bring. */
export async function lookForPackages(ctx: ModuleContext, goal: PipGoal): Promise<PipLook> {
  const { host, signal } = ctx;
  const installed = await pipPackages(host, goal.options, signal);
  const named = [...goal.packages, ...(goal.args.editable ?? [])].map(requireReadable);
  const listed = goal.requirements === undefined ? [] : await requirementsOf(ctx, goal.requirements, 0);
  const lacking = async (wanted: readonly Requirement[]): Promise<string[]> =>
    (await meant(ctx, goal, wanted))
      .filter(
        (requirement) => requirement.name !== undefined && !isSatisfied(requirement, installed.get(requirement.name)),
      )
      .map(({ text }) => text);
  if (goal.args.force_reinstall || goal.args.ignore_installed)
    return {
      missing: [...named, ...listed].map(({ text }) => text),
      fromFile: listed.map(({ text }) => text),
      installed,
    };
  const fromFile = await lacking(listed);
  const missing = [...(await lacking(named)), ...fromFile];
  if (missing.length > 0 || !goal.args.upgrade) return { missing, fromFile, installed };
  return { missing: await wouldBring(ctx, goal), fromFile: [], installed };
}

/** Has pip install what it should. */
export async function installWithPip(
  ctx: ModuleContext<Host>,
  goal: PipGoal,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { host, signal } = ctx;
  const command = await requirePip(ctx, goal.options);
  const { requirements } = goal;
  if (requirements === undefined) {
    return await mustRun(host, [...command, 'install', ...words(goal)], pipExec(goal.options, signal), NO_PIP);
  }
  return await withFile(ctx, requirements, (path) =>
    mustRun(host, [...command, 'install', ...words(goal, path)], pipExec(goal.options, signal), NO_PIP),
  );
}

/** The argv of a pip that has to be there. @throws EdgeError `EDGE_FILE_NOT_FOUND` */
export async function requirePip({ host }: ModuleContext, { binEnv }: PipOptions): Promise<Command> {
  const command = await pipCommand(host, binEnv);
  if (command !== undefined) return command;
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `${host.id} has no pip at ${binEnv}`,
    { bin_env: binEnv },
    { hint: 'bin_env is a pip, or the directory of a virtualenv; virtualenv.managed makes one.' },
  );
}

/** Calls with the path of a file on the host: a file of the file roots is there as long as the call lasts. */
export async function withFile<T>(
  ctx: ModuleContext<Host>,
  source: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  if (source.startsWith('/')) return await use(source);
  const dir = (await mustRun(ctx.host, ['mktemp', '-d'])).stdout.trim();
  try {
    // Another user may have to read it.
    await mustRun(ctx.host, ['chmod', '0755', '--', dir]);
    const path = `${dir}/requirements.txt`;
    const { bytes } = await requireContent(ctx, source);
    await ctx.host.writeFile(path, bytes, { mode: 0o644 });
    return await use(path);
  } finally {
    await ctx.host.remove(dir);
  }
}

/** The requirements of a file and of those it names. */
export async function requirementsOf(
  ctx: ModuleContext,
  source: string,
  depth: number,
): Promise<readonly Requirement[]> {
  const isLocal = source.startsWith('/');
  const text = isLocal
    ? await readText(ctx.host, source)
    : Buffer.from((await requireContent(ctx, source)).bytes).toString('utf8');
  const { requirements, includes } = parseRequirements(text);
  if (includes.length === 0) return requirements;
  if (!isLocal || depth >= MOST_NESTED)
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      `${source} names other files (-r ${includes.join(', -r ')})`,
      { source },
      { hint: 'Bring the files onto the host with file.recurse, and give the path there.' },
    );
  const nested: Requirement[] = [];
  for (const include of includes)
    nested.push(
      ...(await requirementsOf(ctx, include.startsWith('/') ? include : `${dirname(source)}/${include}`, depth + 1)),
    );
  return [...requirements, ...nested];
}

async function requireContent(ctx: ModuleContext, source: string): Promise<{ readonly bytes: Uint8Array }> {
  const found = await fetchContent(ctx, source, undefined);
  if (found !== undefined) return found;
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `requirements ${source} is not there`,
    { source, saltenv: ctx.saltenv },
    { hint: `Paths of salt:// are below the file roots of ${ctx.saltenv}; others begin with /.` },
  );
}

function requireReadable(text: string): Requirement {
  const requirement = parseRequirement(text);
  if (requirement?.name !== undefined) return requirement;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    requirement === undefined ? `not a package for pip: ${text}` : `what package is it? ${text}`,
    { package: text },
    { hint: 'Write NAME==VERSION, NAME>=VERSION,<VERSION, or NAME @ ADDRESS.' },
  );
}

/** Those whose condition holds on the host; python is asked once for all. */
async function meant(
  { host, signal }: ModuleContext,
  { options }: PipGoal,
  wanted: readonly Requirement[],
): Promise<readonly Requirement[]> {
  const conditional = wanted.filter(({ marker }) => marker !== '');
  const pip = conditional.length === 0 ? undefined : await pipCommand(host, options.binEnv);
  const at = pip?.indexOf('-m') ?? -1;
  const python = at > 0 ? pip![at - 1]! : 'python3';
  if (pip === undefined) return wanted;
  const { exitCode, stdout } = await host.probe(
    [python, '-c', EVALUATE, ...conditional.map(({ marker }) => marker)],
    pipExec(options, signal),
  );
  // A pip that keeps its parts elsewhere cannot be asked: everything counts then, as if there were no conditions.
  if (exitCode !== 0) return wanted;
  const answers = stdout.trim().split(/\s+/);
  return wanted.filter((requirement) => answers[conditional.indexOf(requirement)] !== 'False');
}

async function wouldBring(ctx: ModuleContext, goal: PipGoal): Promise<readonly string[]> {
  const { host, signal } = ctx;
  const pip = await pipCommand(host, goal.options.binEnv);
  if (pip === undefined) return [];
  const path = goal.requirements?.startsWith('/') === true ? goal.requirements : undefined;
  const listed =
    goal.requirements === undefined || path !== undefined ? [] : await requirementsOf(ctx, goal.requirements, 0);
  const asked = [...words(goal, path), ...listed.map(({ text }) => text)];
  const { exitCode, stdout, stderr } = await host.probe(
    [...pip, 'install', '--dry-run', ...asked],
    pipExec(goal.options, signal),
  );
  if (exitCode === 0) return parseWouldInstall(stdout);
  throw new EdgeError(
    'EDGE_COMMAND_FAILED',
    `pip on ${host.id} did not tell what an upgrade would bring: ${stderr.trim().slice(-1000)}`,
    { exitCode },
    { hint: 'It needs pip 22.2 or later, and its index.' },
  );
}

function words({ packages, args }: PipGoal, requirements?: string): readonly string[] {
  return [
    ...pipInstallWords(args),
    ...(requirements === undefined ? [] : [`--requirement=${requirements}`]),
    ...(args.editable ?? []).map((project) => `--editable=${project}`),
    ...packages,
  ];
}
