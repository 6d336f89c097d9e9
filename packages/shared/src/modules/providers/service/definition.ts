import { z } from 'zod';
import { EdgeError } from '../../../kernel/index.ts';
import { revealValue, toPlain, type Value } from '../../../values/index.ts';
import type { ModuleContext } from '../../contract/index.ts';
import { readIfPresent } from '../../operations/index.ts';

const DEFAULT_SERVICES_DIR = '/etc/edge/services';
const DEFAULT_RUN_DIR = '/run/edge/services';
const SUFFIX = '.service.json';

const signalName = z
  .string()
  .regex(/^(SIG)?[A-Z0-9]+$/)
  .transform((name) => name.replace(/^SIG/, ''));

/** A service of a host without an init system: `<services dir>/<name>.service.json`, or `services:<name>` of pillar or grains. */
export const serviceDefinitionSchema = z.strictObject({
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .describe('Shell line, or program and arguments; it stays in the foreground.'),
  pidfile: z
    .string()
    .startsWith('/')
    .optional()
    .describe('Where the process is recorded; default below the run directory.'),
  log: z
    .string()
    .startsWith('/')
    .optional()
    .describe('File the output is appended to; default below the run directory.'),
  cwd: z.string().default('/').describe('Directory it runs in.'),
  user: z.string().optional().describe('User it runs as.'),
  env: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .default({})
    .describe('Added to its environment.'),
  stop_signal: signalName.default('TERM').describe('Signal that asks it to stop.'),
  stop_timeout_s: z.number().min(0).default(10).describe('Seconds it may take to stop before it is killed.'),
  reload_signal: signalName.optional().describe('Signal that makes it read its configuration anew.'),
  ready: z
    .strictObject({
      tcp: z.union([z.number(), z.string()]).optional().describe('Port, or host:port, that accepts connections.'),
      http: z.string().startsWith('http://').optional().describe('Address that answers 2xx or 3xx.'),
      unix: z.string().startsWith('/').optional().describe('Path of a unix socket that accepts connections.'),
      timeout_s: z.number().positive().default(30).describe('Seconds it may take to become ready.'),
    })
    .optional()
    .describe('When it counts as started; without: when it is still there after a moment.'),
});

/** A service definition with its paths found. */
export interface ServiceDefinition extends z.output<typeof serviceDefinitionSchema> {
  readonly name: string;
  readonly pidfile: string;
  readonly log: string;
}

/** The definition of a service: file first, then pillar, then grain. Undefined: none. @throws EdgeError `EDGE_CONFIG_INVALID` */
export async function findDefinition(ctx: ModuleContext, name: string): Promise<ServiceDefinition | undefined> {
  if (!/^[\w@.:+-]+$/.test(name)) return undefined;
  const path = `${servicesDir(ctx)}/${name}${SUFFIX}`;
  const file = await readIfPresent(ctx.host, path);
  const mapped = ctx.pillar.get(`services:${name}`, null) ?? grain(ctx, name);
  if (file === undefined && mapped === null) return undefined;
  const source = file === undefined ? `services:${name} of pillar or grains` : path;
  const parsed = serviceDefinitionSchema.safeParse(
    file === undefined ? toPlain(ownValue(ctx, mapped)) : parseJson(file, path),
  );
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'definition'}: ${issue.message}`);
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `the definition of service ${name} on ${ctx.host.id} is not valid: ${problems.join('; ')}`,
      { source },
      {
        hint: `Correct ${source}.`,
      },
    );
  }
  const run = runDir(ctx);
  return {
    ...parsed.data,
    name,
    pidfile: parsed.data.pidfile ?? `${run}/${name}.pid`,
    log: parsed.data.log ?? `${run}/${name}.log`,
  };
}

/** A service is started with the secrets of its definition, on the host they belong to. */
function ownValue(ctx: ModuleContext, value: Value): Value {
  return ctx.holdsSecret === undefined ? value : revealValue(value);
}

/** Names of all services with a definition, sorted. */
export async function listDefinitions(ctx: ModuleContext): Promise<readonly string[]> {
  const dir = servicesDir(ctx);
  const entries = (await ctx.host.stat(dir)) === undefined ? [] : await ctx.host.list(dir);
  const files = entries.flatMap(({ name }) => (name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : []));
  const mapped = [ctx.pillar.get('services', null), ctx.facts.get('services') ?? null].flatMap((value) =>
    Object.keys((toPlain(value) as object | null) ?? {}),
  );
  return [...new Set([...files, ...mapped])].sort();
}

/** Where a file marks that a service is started by `service.start_enabled`. */
export function enabledMarker(ctx: ModuleContext, name: string): string {
  return `${servicesDir(ctx)}/${name}.enabled`;
}

function servicesDir({ opts }: ModuleContext): string {
  return textOption(opts.get('services_dir'), DEFAULT_SERVICES_DIR);
}

function runDir({ opts }: ModuleContext): string {
  return textOption(opts.get('services_run_dir'), DEFAULT_RUN_DIR);
}

function textOption(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

function grain({ facts }: ModuleContext, name: string) {
  const services = facts.get('services');
  return services instanceof Object && 'get' in services ? (services.get(name) ?? null) : null;
}

function parseJson(content: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(Buffer.from(content).toString('utf8')) as unknown;
  } catch (cause) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `${path} is not JSON: ${(cause as Error).message}`,
      { path },
      {
        hint: 'Write it with file.serialize, formatter: json.',
        cause,
      },
    );
  }
}
