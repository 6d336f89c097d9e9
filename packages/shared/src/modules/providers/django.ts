import type { Command, ExecOptions, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';

/** How Django's command line is found and run. */
export interface DjangoOptions {
  readonly settings: string;
  /** A virtual environment, or `django-admin` itself. */
  readonly binEnv?: string | undefined;
  readonly pythonPath?: string | undefined;
  readonly runAs?: string | undefined;
  readonly env: Readonly<Record<string, string | null>>;
}

const PROGRAMS = ['django-admin', 'django-admin.py'] as const;
const TIMEOUT_MS = 1_800_000;

/**
 * The argv of a command of Django, with its options: true stands for one without a value.
 * @throws EdgeError `EDGE_FILE_NOT_FOUND` when `binEnv` is neither a program nor an environment with Django in it
 */
export async function djangoCommand(
  host: HostReader,
  words: readonly string[],
  given: ReadonlyMap<string, string | true>,
  { settings, binEnv, pythonPath }: DjangoOptions,
): Promise<Command> {
  const options = [...given].map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
  return [
    await programOf(host, binEnv),
    ...words,
    `--settings=${settings}`,
    ...(pythonPath === undefined ? [] : [`--pythonpath=${pythonPath}`]),
    ...options,
  ];
}

/** As whom, and with which environment. */
export function djangoExec({ runAs, env }: DjangoOptions, signal: AbortSignal): ExecOptions {
  return { signal, timeoutMs: TIMEOUT_MS, env, ...(runAs === undefined ? {} : { runAs }) };
}

async function programOf(host: HostReader, binEnv: string | undefined): Promise<string> {
  if (binEnv === undefined) return PROGRAMS[0];
  const environment = binEnv.replace(/\/+$/, '');
  for (const program of PROGRAMS) {
    const path = `${environment}/bin/${program}`;
    if ((await host.stat(path)) !== undefined) return path;
  }
  const itself = await host.stat(binEnv);
  if (itself !== undefined && itself.kind !== 'directory') return binEnv;
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `there is no django-admin in ${binEnv} on ${host.id}`,
    { bin_env: binEnv },
    { hint: 'Give a virtual environment that Django is installed in, or the path of django-admin.' },
  );
}
