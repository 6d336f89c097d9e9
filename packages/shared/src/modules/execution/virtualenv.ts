import { z } from 'zod';
import type { Command, Host, HostReader } from '../../host/index.ts';
import { anyValue } from '../../schema/index.ts';
import { defineWrite, type ExecutionModule } from '../contract/index.ts';
import { hasProgram, mustRun } from '../operations/index.ts';
import { pipExec } from '../providers/pip/index.ts';
import { pipOptions } from './pip-arguments.ts';

/** How a virtualenv is made, in Salt's names. */
export const virtualenvArgs = {
  venv_bin: z
    .string()
    .optional()
    .describe('`virtualenv`, its path, or `venv` for that of python; where absent, virtualenv if the host has it.'),
  system_site_packages: z.boolean().default(false).describe('It sees the packages of the host too.'),
  clear: z.boolean().default(false).describe('Make it anew, without what was in it.'),
  python: z.string().optional().describe('Python it is made with; python3 where absent.'),
  extra_search_dir: z
    .array(z.string())
    .optional()
    .describe('Directories with the wheels of pip itself; only virtualenv.'),
  never_download: z.boolean().default(false).describe('Fetch nothing to make it; only virtualenv.'),
  prompt: z.string().optional().describe('What the shell shows when it is active.'),
  user: z.string().optional().describe('User it belongs to.'),
  cwd: z.string().optional().describe('Directory to run in.'),
  env_vars: anyValue().optional().describe('Mapping, or list of mappings, added to the environment.'),
  use_vt: z.boolean().default(false).describe('Accepted for Salt trees.'),
};

/** What is given for a virtualenv. */
export type VirtualenvArgs = z.output<z.ZodObject<typeof virtualenvArgs>>;

/** Environments of Python. */
export const virtualenvFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'virtualenv.create',
    summary: 'Make a virtualenv, or its programs anew.',
    args: z.object({ path: z.string().startsWith('/').describe('Its directory.'), ...virtualenvArgs }),
    returns: 'A mapping of retcode, stdout and stderr.',
    examples: [{ title: 'for an application', args: { path: '/srv/app/venv', user: 'app' } }],
    async run({ path, ...args }, { host, signal }) {
      const { stdout, stderr } = await createVirtualenv(host, path, args, signal);
      return { retcode: 0, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
    },
  }),
];

/** Makes a virtualenv. @throws EdgeError `EDGE_COMMAND_FAILED` */
export async function createVirtualenv(
  host: Host,
  path: string,
  args: VirtualenvArgs,
  signal: AbortSignal,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { user, cwd, env_vars } = args;
  return await mustRun(
    host,
    [...(await virtualenvCommand(host, args)), path],
    pipExec(pipOptions({ user, cwd, env_vars }), signal),
    'The host needs virtualenv, or python3 with its module venv (python3-venv).',
  );
}

/** The argv that makes a virtualenv, without its path. */
async function virtualenvCommand(host: HostReader, args: VirtualenvArgs): Promise<Command> {
  const program = args.venv_bin ?? ((await hasProgram(host, 'virtualenv')) ? 'virtualenv' : 'venv');
  const shared = [
    ...(args.system_site_packages ? ['--system-site-packages'] : []),
    ...(args.clear ? ['--clear'] : []),
    ...(args.prompt === undefined ? [] : [`--prompt=${args.prompt}`]),
  ];
  if (/(?:^|\/)(?:py)?venv(?:-?[\d.]+)?$/.test(program)) return [args.python ?? 'python3', '-m', 'venv', ...shared];
  return [
    program,
    ...(args.python === undefined ? [] : [`--python=${args.python}`]),
    ...(args.extra_search_dir ?? []).map((dir) => `--extra-search-dir=${dir}`),
    ...(args.never_download ? ['--no-download'] : []),
    ...shared,
  ];
}
