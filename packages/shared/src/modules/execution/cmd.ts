import { z } from 'zod';
import type { ExecResult, Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import type { CommandRequest } from '../../policy/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { CodedAnswer, defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import {
  commandRequest,
  judgedRetcode,
  mustRun,
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

/** Arguments every `cmd` function takes, in Salt's order. */
const commandArgs = {
  cmd: z
    .union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))])
    .transform((cmd) => (Array.isArray(cmd) ? cmd.map(String) : String(cmd)))
    .describe('A shell line, or a list of a program and its arguments.'),
  cwd: z.string().optional().describe('Directory to run in.'),
  stdin: z.string().optional().describe('Text on standard input.'),
  runas: z.string().optional().describe('User to run as.'),
  shell: z.string().default('/bin/sh').describe('Shell that reads the line.'),
  python_shell: z
    .boolean()
    .default(true)
    .describe('False splits the line into words and starts the program without a shell.'),
  env: anyValue().optional().describe('Mapping, or list of mappings, added to the environment; false removes a name.'),
  clean_env: z.boolean().default(false).describe('Start with an empty environment.'),
  template: z.enum(['jinja']).optional().describe('Render the command with this engine first.'),
  rstrip: z.boolean().default(true).describe('Cut the line ends at the end of the output.'),
  umask: z.union([z.string(), z.number()]).optional().describe('File mode creation mask, octal.'),
  output_loglevel: z.string().optional().describe('Accepted for Salt trees; output of commands is never logged here.'),
  hide_output: z.boolean().default(false).describe('Answer empty output.'),
  timeout: z.coerce.number().positive().optional().describe('Seconds after which the command is killed and fails.'),
  ignore_retcode: z.boolean().default(false).describe('Count any return code as success.'),
  bg: z.boolean().default(false).describe('Start it detached and do not wait; nothing of its output is answered.'),
  prepend_path: z.string().optional().describe('Directory put before the others in PATH.'),
  success_retcodes: z
    .union([z.number(), z.array(z.coerce.number())])
    .optional()
    .transform((codes) => (typeof codes === 'number' ? [codes] : codes))
    .describe('Return codes that count as success, besides 0.'),
  success_stdout: texts('Lines on standard output that make it a success.'),
  success_stderr: texts('Lines on standard error that make it a success.'),
  raise_err: z.boolean().default(false).describe('Fail with an error, not only a return code.'),
};
const commandSchema = z.object(commandArgs);
type CommandArgs = z.output<typeof commandSchema>;

interface Ran {
  readonly retcode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Commands people write, run on a host. */
export const cmdFunctions: readonly ExecutionModule[] = [
  command('cmd.run', 'Run a command and answer its output.', 'Standard output and error together.', (ran) =>
    [ran.stdout, ran.stderr].filter((text) => text !== '').join('\n'),
  ),
  command('cmd.shell', 'Run a line in a shell and answer its output.', 'Standard output and error together.', (ran) =>
    [ran.stdout, ran.stderr].filter((text) => text !== '').join('\n'),
  ),
  command('cmd.run_stdout', 'Run a command and answer its standard output.', 'Standard output.', (ran) => ran.stdout),
  command('cmd.run_stderr', 'Run a command and answer its standard error.', 'Standard error.', (ran) => ran.stderr),
  command(
    'cmd.run_all',
    'Run a command and answer everything about how it ended.',
    'A mapping of retcode, stdout and stderr.',
    (ran) =>
      new PyMap([
        ['retcode', ran.retcode],
        ['stdout', ran.stdout],
        ['stderr', ran.stderr],
      ]),
  ),
  command('cmd.retcode', 'Run a command and answer its return code.', 'A number; 0 is success.', (ran) => ran.retcode),
  command(
    'cmd.run_bg',
    'Start a command that goes on after this call.',
    'A mapping with the process id.',
    () => new PyMap(),
    true,
  ),
  defineWrite({
    name: 'cmd.script',
    summary: 'Fetch a script, run it on the host, and remove it again.',
    args: z.object({
      source: z.string().describe('`salt://` path of the script, or a path on the host.'),
      args: z
        .union([z.string(), z.array(z.union([z.string(), z.number()]))])
        .optional()
        .describe('Arguments: a list, or words as in a shell.'),
      ...withoutKeys(commandArgs, 'cmd', 'python_shell', 'template'),
      template: z.enum(['jinja']).optional().describe('Render the script with this engine first.'),
      context: anyValue().optional().describe('Names for the template.'),
      defaults: anyValue().optional().describe('Names for the template that `context` overrides.'),
      saltenv: z.string().optional().describe('Environment the script is looked for in; default is that of the job.'),
    }),
    returns: 'A mapping of retcode, stdout and stderr.',
    examples: [{ title: 'with two arguments', args: { source: 'salt://scripts/check.sh', args: 'a b' } }],
    async run(args, ctx) {
      const script = await fetchScript(ctx, args);
      const words = typeof args.args === 'string' ? args.args : (args.args ?? []).map(String);
      const { source, shell, cwd, stdin } = args;
      const given = typeof words === 'string' ? splitWords(words) : words;
      ctx.requireAllowed?.({ cmd: [source, ...given], shell, cwd, stdin, ...shellScript(script) });
      const made = await mustRun(ctx.host, ['mktemp', '-d', '/tmp/edge-script.XXXXXXXX']);
      const dir = made.stdout.trim();
      const path = `${dir}/script`;
      try {
        await ctx.host.writeFile(path, script, {
          mode: 0o700,
          ...(args.runas === undefined ? {} : { owner: args.runas }),
        });
        if (args.runas !== undefined) await mustRun(ctx.host, ['chown', args.runas, dir]);
        const cmd = typeof words === 'string' ? `${path} ${words}` : [path, ...words];
        const ran = await run({ ...args, python_shell: true }, cmd, ctx);
        const answer = new PyMap([
          ['retcode', ran.retcode],
          ['stdout', ran.stdout],
          ['stderr', ran.stderr],
        ]);
        return new CodedAnswer(answer, args.ignore_retcode ? 0 : ran.retcode);
      } finally {
        await ctx.host.remove(dir);
      }
    },
  }),
  defineWrite({
    name: 'cmd.exec_code',
    summary: 'Hand source code to an interpreter and answer its output.',
    args: z.object({
      lang: z.string().describe('Interpreter: python3, ruby, sh.'),
      code: z.union([z.string(), z.array(z.string())]).describe('Source text, or its lines.'),
      cwd: z.string().default('/').describe('Directory to run in.'),
      args: z
        .array(z.union([z.string(), z.number()]))
        .optional()
        .describe('Arguments of the program.'),
    }),
    returns: 'Standard output and error together.',
    examples: [{ title: 'a line of Python', args: { lang: 'python3', code: 'print(1 + 1)' } }],
    async run({ lang, code, cwd, args = [] }, { host, signal, requireAllowed }) {
      const text = typeof code === 'string' ? code : code.join('\n');
      requireAllowed?.({ cmd: [lang, ...args.map(String)], cwd, ...(isShell(lang) ? { script: text } : {}) });
      const made = await mustRun(host, ['mktemp', '-d', '/tmp/edge-code.XXXXXXXX']);
      const dir = made.stdout.trim();
      try {
        await host.writeFile(`${dir}/code`, new Uint8Array(Buffer.from(text)), { mode: 0o600 });
        const result = await host.exec([lang, `${dir}/code`, ...args.map(String)], { cwd, signal });
        return new CodedAnswer(stripOutput(result.stdout + result.stderr), result.exitCode);
      } finally {
        await host.remove(dir);
      }
    },
  }),
  defineRead({
    name: 'cmd.which',
    summary: 'Find a program on the PATH of the host.',
    args: z.object({ cmd: z.string().describe('Name of the program.') }),
    returns: 'Its path, or none.',
    examples: [{ title: 'where is git?', args: { cmd: 'git' } }],
    run: async ({ cmd }, { host }) => (await which(host, cmd)) ?? null,
  }),
  defineRead({
    name: 'cmd.has_exec',
    summary: 'Tell whether a program is on the PATH of the host.',
    args: z.object({ cmd: z.string().describe('Name of the program.') }),
    returns: 'True or false.',
    examples: [],
    run: async ({ cmd }, { host }) => (await which(host, cmd)) !== undefined,
  }),
];

function command(
  name: `${string}.${string}`,
  summary: string,
  returns: string,
  answer: (ran: Ran) => Value,
  background = false,
): ExecutionModule {
  return defineWrite({
    name,
    summary,
    returns,
    args: commandSchema,
    examples: [{ title: 'the load of a host', args: { cmd: 'uptime' } }],
    async run(args, ctx) {
      const cmd = await rendered(args, ctx);
      ctx.requireAllowed?.(commandRequest(shellRequest(args, cmd)));
      if (background || args.bg) return await startDetached(args, cmd, ctx);
      const ran = await run(args, cmd, ctx);
      if (args.raise_err && ran.retcode !== 0)
        throw new EdgeError(
          'EDGE_COMMAND_FAILED',
          `the command exited ${ran.retcode} on ${ctx.host.id}: ${ran.stderr || ran.stdout}`,
          {
            exitCode: ran.retcode,
          },
        );
      return new CodedAnswer(answer(ran), args.ignore_retcode ? 0 : ran.retcode);
    },
  });
}

type RunArgs = Omit<CommandArgs, 'cmd' | 'template'>;

function shellRequest(args: RunArgs, cmd: string | readonly string[]): ShellRequest {
  const { python_shell: pythonShell, clean_env: cleanEnv, prepend_path: prependPath, timeout: timeoutS } = args;
  return { ...args, cmd, pythonShell, cleanEnv, prependPath, timeoutS };
}

async function run(args: RunArgs, cmd: string | readonly string[], ctx: ModuleContext<Host>): Promise<Ran> {
  const result = await runShell(ctx.host, shellRequest(args, cmd), ctx.signal);
  const shown = (text: string): string => (args.hide_output ? '' : args.rstrip ? stripOutput(text) : text);
  const rules = { retcodes: args.success_retcodes, stdout: args.success_stdout, stderr: args.success_stderr };
  return { retcode: judgedRetcode(result, rules), stdout: shown(result.stdout), stderr: shown(result.stderr) };
}

async function rendered({ cmd, template }: CommandArgs, ctx: ModuleContext): Promise<string | readonly string[]> {
  if (template === undefined || typeof cmd !== 'string') return cmd;
  return await ctx.renderTemplate({ text: cmd, path: 'cmd', engine: template, variables: new Map() });
}

/** A session of its own and closed pipes: the command lives on when this one, the agent or the connection ends. */
async function startDetached(
  args: CommandArgs,
  cmd: string | readonly string[],
  ctx: ModuleContext<Host>,
): Promise<Value> {
  const line = typeof cmd === 'string' ? ['/bin/sh', '-c', cmd] : cmd;
  const request = { ...args, cmd: ['sh', '-c', 'setsid "$@" </dev/null >/dev/null 2>&1 & echo $!', 'sh', ...line] };
  const result: ExecResult = await runShell(ctx.host, { ...request, cleanEnv: args.clean_env }, ctx.signal);
  return new PyMap([['pid', Number(result.stdout.trim())]]);
}

/** The text of a script that a shell will read; nothing where something else does. */
function shellScript(content: Uint8Array): { readonly script?: string } {
  const text = Buffer.from(content).toString('utf8');
  const [first = ''] = text.split('\n', 1);
  const program = first.startsWith('#!') ? (splitWords(first.slice(2).replace(/^\s*\S*\/env\s+/, ''))[0] ?? '') : 'sh';
  return isShell(program) ? { script: text } : {};
}

function isShell(program: string): boolean {
  return /(^|\/)(ba|da|a|k|mk|z)?sh$/.test(program);
}

async function fetchScript(
  ctx: ModuleContext,
  {
    source,
    template,
    context,
    defaults,
    saltenv,
  }: { source: string; template?: string | undefined; context?: Value; defaults?: Value; saltenv?: string | undefined },
): Promise<Uint8Array> {
  if (source.startsWith('/')) return await ctx.host.readFile(source);
  const file = await ctx.files.open(source, saltenv ?? ctx.saltenv);
  if (file === undefined)
    throw new EdgeError(
      'EDGE_FILE_NOT_FOUND',
      `no script ${source} in environment ${saltenv ?? ctx.saltenv}`,
      { source },
      {
        hint: 'Check the path below the file roots.',
      },
    );
  const content = await file.read();
  if (template === undefined) return content;
  const names = [defaults, context].flatMap((map) => (map instanceof PyMap ? [...map] : []));
  const variables = new Map(names.map(([name, value]) => [String(name), value]));
  const text = await ctx.renderTemplate({
    text: Buffer.from(content).toString('utf8'),
    path: file.path,
    engine: template,
    variables,
  });
  return new Uint8Array(Buffer.from(text));
}

async function which(host: ModuleContext['host'], program: string): Promise<string | undefined> {
  const { exitCode, stdout } = await host.probe(['sh', '-c', 'command -v "$1"', 'sh', program]);
  const path = stdout.trim();
  // Builtins of the shell are named without a path: they are no programs.
  return exitCode === 0 && path.startsWith('/') ? path : undefined;
}

function withoutKeys<T extends object, K extends keyof T>(object: T, ...keys: readonly K[]): Omit<T, K> {
  return Object.fromEntries(
    Object.entries(object).filter(([key]) => !(keys as readonly string[]).includes(key)),
  ) as Omit<T, K>;
}

/** The command that a call of a `cmd` function runs, by its parsed arguments; undefined where it runs none. */
export function commandOfCall(fun: string, args: object): CommandRequest | undefined {
  const { cmd, source, lang, code, args: words, ...rest } = args as Partial<CommandArgs> & Record<string, unknown>;
  if (fun === 'cmd.script') {
    const given = typeof words === 'string' ? splitWords(words) : Array.isArray(words) ? words.map(String) : [];
    return { cmd: [String(source), ...given] };
  }
  if (fun === 'cmd.exec_code') {
    const text = Array.isArray(code) ? code.join('\n') : String(code);
    return { cmd: [String(lang)], ...(isShell(String(lang)) ? { script: text } : {}) };
  }
  if (cmd === undefined || fun === 'cmd.which' || fun === 'cmd.has_exec') return undefined;
  return commandRequest(shellRequest(rest as RunArgs, cmd));
}
