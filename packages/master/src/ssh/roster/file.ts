import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  type Compiled,
  compiled,
  type Diagnostic,
  type JsonObject,
  Secret,
  type SourceRange,
} from '@edge-run/shared/kernel';
import { didYouMean } from '@edge-run/shared/schema';
import { z } from 'zod';
import { type SshTarget, sshTarget } from '../target.ts';

const text = z.union([z.string(), z.number()]).transform(String);
const secret = z.union([z.instanceof(Secret), text.transform((value) => new Secret(value))]);
const names = z.union([
  z.string().transform((value) => value.split(',').map((part) => part.trim())),
  z.array(z.string()),
]);
const object = z.record(z.string(), z.json());

/** The keys of one host in a roster (Salt 3006, topics/ssh/roster), and `proxy_jump`, which is ours. */
const entrySchema = z.strictObject({
  host: text.optional().describe('Name or address; the id where absent.'),
  port: z.coerce.number().int().min(1).max(65_535).optional().describe('Port of sshd, 22 by default.'),
  user: text.optional().describe('Login user, root by default.'),
  passwd: secret.optional().describe('Password for the login, and for sudo where it asks.'),
  priv: names.optional().describe('Private key file, or several.'),
  priv_passwd: secret.optional().describe('Passphrase of the private key.'),
  sudo: z.boolean().optional().describe('Run everything as `sudo_user`.'),
  sudo_user: text.optional().describe('Whom sudo becomes, root by default.'),
  escalate_by: z
    .enum(['sudo', 'su', 'doas'])
    .optional()
    .describe('What `sudo: True` uses: sudo by default, su, or doas.'),
  timeout: z.coerce.number().positive().optional().describe('Seconds until the connection must be ready.'),
  proxy_jump: names.optional().describe('Hosts to go through, nearest first: ids or `[user@]host[:port]`.'),
  minion_opts: object.optional().describe('Configuration of the host as a minion.'),
  grains: object.optional().describe('Facts about the host.'),
});

/** `~/x` is below the home of whoever runs the master. */
function atHome(file: string): string {
  return file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
}

/** Keys Salt's own client needs and a POSIX `sh` does not: accepted and not used. */
const UNUSED = new Set([
  'thin_dir',
  'cmd_umask',
  'tty',
  'set_path',
  'identities_only',
  'ssh_options',
  'ssh_pre_flight',
]);

/**
 * Reads a roster that was rendered: ids to keys, or ids to a host name. Reports every problem at once.
 * `placeOf` finds the author's line of an id or of a key below it.
 */
export function parseRoster(
  data: unknown,
  placeOf: (id: string, key?: string) => SourceRange | undefined = () => undefined,
): Compiled<readonly SshTarget[]> {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return compiled<readonly SshTarget[]>(
      [],
      [problem('error', 'a roster maps ids to hosts', 'Write `web1: {host: 192.0.2.1}`.')],
    );
  }
  const diagnostics: Diagnostic[] = [];
  const targets: SshTarget[] = [];
  for (const [id, raw] of Object.entries(data as Record<string, unknown>)) {
    const given = typeof raw === 'string' ? { host: raw } : (raw ?? {});
    const { used, unused } = split(given);
    for (const key of unused) {
      diagnostics.push(
        problem(
          'warning',
          `${id}: \`${key}\` has no effect`,
          'Edge needs no copy of itself on the host.',
          placeOf(id, key),
        ),
      );
    }
    const parsed = entrySchema.safeParse(used);
    if (parsed.success) targets.push(toTarget(id, parsed.data));
    else diagnostics.push(...parsed.error.issues.flatMap((issue) => toDiagnostics(id, issue, placeOf)));
  }
  return compiled<readonly SshTarget[]>(targets, diagnostics);
}

function split(given: unknown): { used: unknown; unused: readonly string[] } {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return { used: given, unused: [] };
  const entries = Object.entries(given);
  return {
    used: Object.fromEntries(entries.filter(([key]) => !UNUSED.has(key))),
    unused: entries.map(([key]) => key).filter((key) => UNUSED.has(key)),
  };
}

function toTarget(id: string, entry: z.output<typeof entrySchema>): SshTarget {
  const {
    host,
    port,
    user,
    passwd,
    priv,
    priv_passwd,
    sudo,
    sudo_user,
    escalate_by,
    timeout,
    proxy_jump,
    minion_opts,
    grains,
  } = entry;
  return sshTarget({
    id,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(passwd === undefined ? {} : { password: passwd }),
    // Salt's word for "ask the agent": no key file of ours.
    ...(priv === undefined ? {} : { keyFiles: priv.filter((file) => file !== 'agent-forwarding').map(atHome) }),
    ...(priv_passwd === undefined ? {} : { passphrase: priv_passwd }),
    ...(sudo === undefined ? {} : { sudo }),
    ...(sudo_user === undefined ? {} : { sudoUser: sudo_user }),
    ...(escalate_by === undefined ? {} : { escalateBy: escalate_by }),
    ...(timeout === undefined ? {} : { connectTimeoutMs: timeout * 1_000 }),
    ...(proxy_jump === undefined ? {} : { proxyJump: proxy_jump }),
    minionOpts: (minion_opts ?? {}) as JsonObject,
    grains: (grains ?? {}) as JsonObject,
  });
}

function toDiagnostics(
  id: string,
  issue: z.core.$ZodIssue,
  placeOf: (id: string, key?: string) => SourceRange | undefined,
): readonly Diagnostic[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      problem(
        'error',
        `${id}: unknown roster key \`${key}\``,
        didYouMean(key, Object.keys(entrySchema.shape)) || `Keys are ${Object.keys(entrySchema.shape).join(', ')}.`,
        placeOf(id, key),
      ),
    );
  }
  const key = issue.path.length === 0 ? undefined : String(issue.path[0]);
  return [problem('error', `${id}${key === undefined ? '' : `: \`${key}\``}: ${issue.message}`, '', placeOf(id, key))];
}

function problem(severity: 'error' | 'warning', summary: string, detail: string, source?: SourceRange): Diagnostic {
  return { severity, code: 'EDGE_CONFIG_INVALID', summary, detail, ...(source === undefined ? {} : { source }) };
}
