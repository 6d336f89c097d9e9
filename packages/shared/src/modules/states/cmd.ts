import { z } from 'zod';
import type { ExecResult } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { fromPlain, PyMap, type Value } from '../../values/index.ts';
import {
  type ApplyOutcome,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import {
  commandRequest,
  isDirectory,
  judgedRetcode,
  runShell,
  type ShellRequest,
  splitWords,
  stripOutput,
} from '../operations/index.ts';

const texts = (what: string) =>
  z
    .union([z.string(), z.array(z.string())])
    .optional()
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .describe(what);

const commonArgs = {
  cwd: z.string().optional().describe('Directory to run in; it must exist.'),
  runas: z.string().optional().describe('User to run as.'),
  shell: z.string().default('/bin/sh').describe('Shell that reads the line.'),
  env: anyValue().optional().describe('Mapping, or list of mappings, added to the environment; false removes a name.'),
  stateful: anyValue()
    .optional()
    .describe(
      'The last line of output says in JSON or name=value pairs whether there was a change; a list of mappings may also give test_name, run instead in a plan.',
    ),
  umask: z.union([z.string(), z.number()]).optional().describe('File mode creation mask, octal.'),
  output_loglevel: z.string().optional().describe('Accepted for Salt trees; output of commands is never logged here.'),
  hide_output: z.boolean().default(false).describe('Show no output.'),
  timeout: z.coerce.number().positive().optional().describe('Seconds after which the command is killed and fails.'),
  ignore_timeout: z.boolean().default(false).describe('Count a timeout as success.'),
  bg: z.boolean().default(false).describe('Start it detached and do not wait.'),
  use_vt: z.boolean().default(false).describe('Accepted for Salt trees; there is no terminal.'),
  success_retcodes: z
    .union([z.number(), z.array(z.coerce.number())])
    .optional()
    .transform((codes) => (typeof codes === 'number' ? [codes] : codes))
    .describe('Return codes that count as success, besides 0.'),
  success_stdout: texts('Lines on standard output that make it a success.'),
  success_stderr: texts('Lines on standard error that make it a success.'),
};
const runArgs = z.object({
  name: z.union([z.string(), z.number()]).transform(String).describe('The shell line.'),
  args: z
    .array(z.union([z.string(), z.number()]))
    .optional()
    .describe('Further words of the command.'),
  stdin: z.string().optional().describe('Text on standard input.'),
  prepend_path: z.string().optional().describe('Directory put before the others in PATH.'),
  python_shell: z
    .boolean()
    .default(true)
    .describe('False splits the line into words and starts the program without a shell.'),
  clean_env: z.boolean().default(false).describe('Start with an empty environment.'),
  ...commonArgs,
});
const scriptArgs = z.object({
  name: z.string().describe('`salt://` path of the script and its arguments, or what `source` is called.'),
  source: z.string().optional().describe('`salt://` path of the script, or a path on the host.'),
  template: z.enum(['jinja']).optional().describe('Render the script with this engine first.'),
  context: anyValue().optional().describe('Names for the template.'),
  defaults: anyValue().optional().describe('Names for the template that `context` overrides.'),
  args: z.string().optional().describe('Arguments of the script, words as in a shell.'),
  stdin: z.string().optional().describe('Text on standard input.'),
  ...commonArgs,
});
type Common = z.output<z.ZodObject<typeof commonArgs>>;

/** Commands as states. Running one is a change; guards (`unless`, `onlyif`, `creates`) say when it is not needed. */
export const cmdStates: readonly StateModule[] = [
  defineState({
    name: 'cmd.run',
    summary: 'Run a command.',
    effect: 'action',
    args: runArgs,
    examples: [{ title: 'in a directory, as a user', args: { name: 'make install', cwd: '/srv/app', runas: 'app' } }],
    check: (args, ctx) => runVerdict(args, ctx),
    onWatch: (args, ctx) => runVerdict(args, ctx),
  }),
  ...(['wait', 'watch'] as const).map((name) =>
    defineState({
      name: `cmd.${name}`,
      summary: 'Run a command only when a watched state changed.',
      effect: 'action',
      args: runArgs,
      examples: [],
      check: () => Promise.resolve(inSync()),
      onWatch: (args, ctx) => runVerdict(args, ctx),
    }),
  ),
  defineState({
    name: 'cmd.script',
    summary: 'Fetch a script and run it.',
    effect: 'action',
    args: scriptArgs,
    examples: [{ title: 'with arguments', args: { name: 'salt://scripts/migrate.sh', args: '--all' } }],
    check: (args, ctx) => scriptVerdict(args, ctx),
    onWatch: (args, ctx) => scriptVerdict(args, ctx),
  }),
  defineState({
    name: 'cmd.wait_script',
    summary: 'Fetch a script and run it only when a watched state changed.',
    effect: 'action',
    args: scriptArgs,
    examples: [],
    check: () => Promise.resolve(inSync()),
    onWatch: (args, ctx) => scriptVerdict(args, ctx),
  }),
];

async function runVerdict(args: z.output<typeof runArgs>, ctx: ModuleContext): Promise<Verdict> {
  const words = (args.args ?? []).map((word) => quoted(String(word)));
  const cmd = [args.name, ...words].join(' ');
  const request: ShellRequest = {
    ...args,
    ...{ cmd, prependPath: args.prepend_path, timeoutS: args.timeout },
    ...{ pythonShell: args.python_shell, cleanEnv: args.clean_env },
  };
  const objection = refusalOf(request, ctx);
  if (objection !== undefined) return refused(objection);
  const problem = await cwdProblem(args, ctx);
  if (problem !== undefined) return problem;
  return changesOf({
    what: `run: ${cmd}`,
    before: null,
    after: cmd,
    verb: 'run',
    // Salt shows no changes while it only looks.
    changes: {},
    apply: async ({ host, signal, call }) => {
      if (args.bg) {
        const answer = await call('cmd.run_bg', [cmd], {
          ...(args.cwd === undefined ? {} : { cwd: args.cwd }),
          ...(args.runas === undefined ? {} : { runas: args.runas }),
        });
        return { changes: answer, result: true, comment: `Command "${cmd}" started` };
      }
      return await outcomeOf(args, args.name, () => runShell(host, request, signal));
    },
  });
}

/** Why a command may not be run; undefined where it may. */
function refusalOf(request: ShellRequest, ctx: ModuleContext): string | undefined {
  try {
    ctx.requireAllowed?.(commandRequest(request));
    return undefined;
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_COMMAND_REFUSED') return error.message;
    throw error;
  }
}

async function scriptVerdict(args: z.output<typeof scriptArgs>, ctx: ModuleContext): Promise<Verdict> {
  const problem = await cwdProblem(args, ctx);
  if (problem !== undefined) return problem;
  const [script = args.name, ...words] = splitWords(args.name);
  const source = args.source ?? script;
  if (!source.startsWith('/') && (await ctx.files.open(source, ctx.saltenv)) === undefined)
    return refused(`Unable to cache script ${source} from saltenv '${ctx.saltenv}'`);
  const given = args.args ?? words.map(quoted).join(' ');
  return changesOf({
    what: `script: ${args.name}`,
    before: null,
    after: args.name,
    verb: 'run',
    changes: {},
    apply: async ({ call }) => {
      const { name, source: _, stateful, ignore_timeout, bg, use_vt, args: __, ...rest } = args;
      const kwargs = Object.fromEntries(
        Object.entries({ ...rest, args: given }).filter(([, value]) => value !== undefined),
      );
      return await outcomeOf(args, name, async () => {
        const answer = (await call('cmd.script', [source], kwargs)) as PyMap;
        const stdout = String(answer.get('stdout') ?? '');
        return {
          exitCode: Number(answer.get('retcode')),
          stdout,
          stderr: String(answer.get('stderr') ?? ''),
          stdoutBytes: new Uint8Array(),
          truncated: false,
        };
      });
    },
  });
}

/** Runs and turns what came of it into Salt's words. */
async function outcomeOf(args: Common, name: string, run: () => Promise<ExecResult>): Promise<ApplyOutcome> {
  let result: ExecResult;
  try {
    result = await run();
  } catch (error) {
    const isTimeout = error instanceof EdgeError && error.code === 'EDGE_DEADLINE' && args.timeout !== undefined;
    if (!isTimeout) throw error;
    return { result: args.ignore_timeout, changes: { retcode: 124, stdout: '', stderr: '' }, comment: error.message };
  }
  const retcode = judgedRetcode(result, {
    retcodes: args.success_retcodes,
    stdout: args.success_stdout,
    stderr: args.success_stderr,
  });
  const shown = (text: string): string => (args.hide_output ? '' : stripOutput(text));
  const changes = new PyMap([
    ['retcode', retcode],
    ['stdout', shown(result.stdout)],
    ['stderr', shown(result.stderr)],
  ] as [Value, Value][]);
  const isStateful = args.stateful === true || Array.isArray(args.stateful) || args.stateful instanceof PyMap;
  if (isStateful) return statefulOutcome(changes, retcode, result.stdout);
  const comment = `Command "${name}" run`;
  return { changes, result: retcode === 0, comment };
}

/** Reads what a stateful command said in its last line. */
function statefulOutcome(changes: PyMap, retcode: number, stdout: string): ApplyOutcome {
  const said = parseStateful(stdout);
  if (said === undefined)
    return {
      changes,
      result: false,
      comment: 'Failed parsing script output! Stdout must be JSON or a line of name=value pairs.',
    };
  const { changed, comment, ...data } = said;
  const isChanged = /^(yes|true|1|on)$/i.test(String(changed ?? 'no'));
  for (const [key, value] of Object.entries(data)) changes.set(key, fromPlain(value));
  return {
    changes: isChanged ? changes : {},
    result: retcode === 0,
    comment: comment === undefined ? '' : String(comment),
  };
}

/** The last line that says something, as JSON or `name=value` words; undefined when it is neither. */
function parseStateful(stdout: string): Record<string, unknown> | undefined {
  const lines = stdout.trim().split('\n');
  const last = lines.at(-1) ?? '';
  if (last === '') return {};
  for (const text of [stdout, last]) {
    try {
      const data = JSON.parse(text) as unknown;
      if (data !== null && typeof data === 'object' && !Array.isArray(data)) return data as Record<string, unknown>;
    } catch {
      // Not JSON: the other form is tried.
    }
  }
  try {
    const words = splitWords(last);
    return words.every((word) => /^\w+=/.test(word))
      ? Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]))
      : undefined;
  } catch {
    // An open quote: nothing the command can have meant.
    return undefined;
  }
}

async function cwdProblem({ cwd }: Common, { host }: ModuleContext): Promise<Verdict | undefined> {
  return cwd === undefined || (await isDirectory(host, cwd))
    ? undefined
    : refused(`Desired working directory "${cwd}" is not available`);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
