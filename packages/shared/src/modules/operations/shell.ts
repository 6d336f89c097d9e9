import type { Command, ExecOptions, ExecResult, Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import type { CommandRequest } from '../../policy/index.ts';
import { PyMap, toPlain, type Value } from '../../values/index.ts';

/** No limit but that of the job; the host's own default is for commands modules run, not for people's. */
const UNLIMITED_MS = 2_147_483_647;

/** A command as the `cmd` functions take it. */
export interface ShellRequest {
  /** A shell line, or a program and its arguments. */
  readonly cmd: string | readonly string[];
  readonly cwd?: string | undefined;
  readonly stdin?: string | undefined;
  readonly runas?: string | undefined;
  readonly shell?: string | undefined;
  /** False splits a line into words instead of handing it to a shell. */
  readonly pythonShell?: boolean | undefined;
  /** Mapping, or list of mappings, of names to values; false and null remove a name. */
  readonly env?: Value | undefined;
  readonly cleanEnv?: boolean | undefined;
  readonly prependPath?: string | undefined;
  readonly umask?: string | number | undefined;
  readonly timeoutS?: number | undefined;
}

/** Runs a command people wrote. @throws EdgeError as `Host.exec` does. */
export async function runShell(host: Host, request: ShellRequest, signal: AbortSignal): Promise<ExecResult> {
  const options: ExecOptions = {
    signal,
    timeoutMs: request.timeoutS === undefined ? UNLIMITED_MS : request.timeoutS * 1000,
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    ...(request.stdin === undefined ? {} : { stdin: request.stdin }),
    ...(request.runas === undefined ? {} : { runAs: request.runas }),
    env: request.cleanEnv === true ? {} : readEnvironment(request.env),
  };
  return await host.exec(shellCommand(request), options);
}

/** The argv a request stands for. */
export function shellCommand(request: ShellRequest): Command {
  const { cmd, shell = '/bin/sh', pythonShell = true, umask, prependPath } = request;
  let command: Command =
    typeof cmd !== 'string' ? nonEmpty(cmd) : pythonShell ? [shell, '-c', cmd] : nonEmpty(splitWords(cmd));
  if (prependPath !== undefined)
    command = ['/bin/sh', '-c', 'PATH="$1:$PATH"; shift; exec "$@"', 'sh', prependPath, ...command];
  if (umask !== undefined) command = ['/bin/sh', '-c', 'umask "$1"; shift; exec "$@"', 'sh', String(umask), ...command];
  if (request.cleanEnv !== true) return command;
  const assignments = Object.entries(readEnvironment(request.env)).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${value}`],
  );
  return ['env', '-i', ...assignments, ...command];
}

/** A request as the command policy judges it. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function commandRequest({
  cmd,
  shell,
  pythonShell = true,
  cwd,
  stdin,
  env,
  prependPath,
}: ShellRequest): CommandRequest {
  return {
    cmd: typeof cmd === 'string' && !pythonShell ? splitWords(cmd) : cmd,
    shell,
    cwd,
    stdin,
    variables: [...Object.keys(readEnvironment(env)), ...(prependPath === undefined ? [] : ['PATH'])],
  };
}

/** Environment of a tree: a mapping or a list of mappings; false and null remove a name. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function readEnvironment(env: Value | undefined): Record<string, string | null> {
  if (env === undefined || env === null) return {};
  if (Array.isArray(env))
    return Object.assign({}, ...env.map((item) => readEnvironment(item))) as Record<string, string | null>;
  if (typeof env === 'string') {
    const at = env.indexOf('=');
    if (at > 0) return { [env.slice(0, at)]: env.slice(at + 1) };
  }
  if (!(env instanceof PyMap))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'env is neither a mapping nor a list of mappings',
      {},
      {
        hint: 'Write env: {NAME: value}.',
      },
    );
  return Object.fromEntries(
    [...env].map(([name, value]) => [String(name), value === null || value === false ? null : environmentText(value)]),
  );
}

/** The words of a line as a shell would split them; quotes group, nothing is expanded. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let index = 0; index < line.length; index += 1) {
    const char = line[index]!;
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else if (char === '\\' && quote === '"' && /["\\$`]/.test(line[index + 1] ?? '')) word += line[++index]!;
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= '';
    } else if (char === '\\' && index + 1 < line.length) word = (word ?? '') + line[++index]!;
    else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote !== undefined) throw new EdgeError('EDGE_BAD_ARGUMENT', `a quote is not closed in: ${line}`, { line });
  if (word !== undefined) words.push(word);
  return words;
}

/** Return codes and outputs that stand for success although the command says otherwise. */
export interface SuccessRules {
  readonly retcodes?: readonly number[] | undefined;
  readonly stdout?: readonly string[] | undefined;
  readonly stderr?: readonly string[] | undefined;
}

/** The return code under the caller's rules: 0 where one of them says success. */
export function judgedRetcode(result: ExecResult, rules: SuccessRules): number {
  const lines = (text: string): string[] => text.split('\n').map((line) => line.trim());
  const declared =
    rules.retcodes?.includes(result.exitCode) === true ||
    rules.stdout?.some((text) => lines(result.stdout).includes(text)) === true ||
    rules.stderr?.some((text) => lines(result.stderr).includes(text)) === true;
  return declared ? 0 : result.exitCode;
}

/** Output without its final line ends, as Salt answers it. */
export function stripOutput(text: string): string {
  return text.replace(/[\r\n]+$/, '');
}

function nonEmpty(words: readonly string[]): Command {
  const [program, ...rest] = words;
  if (program === undefined || program === '') throw new EdgeError('EDGE_BAD_ARGUMENT', 'the command is empty');
  return [program, ...rest];
}

function environmentText(value: Value): string {
  if (value === true) return 'True';
  return typeof value === 'string' ? value : String(toPlain(value));
}
