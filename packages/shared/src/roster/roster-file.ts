import { join } from 'node:path';
import { z } from 'zod';
import {
  type Compiled,
  compiled,
  type Diagnostic,
  type JsonObject,
  Secret,
  type SourceRange,
} from '../kernel/index.ts';
import { didYouMean } from '../schema/index.ts';
import { type RosterFiles, type SshTarget, sshTarget } from './host.ts';
import { problem } from './problems.ts';
import { applySshOptions } from './ssh-options.ts';

/** Finds the author's line of an id, or of a key below it. */
type PlaceOf = (id: string, key?: string) => SourceRange | undefined;

/** How a roster is read. */
export interface RosterFileOptions {
  readonly placeOf?: PlaceOf;
  /** How origins name the file where no line is known. */
  readonly file?: string;
  /** What `~` stands for. */
  readonly home: string;
  readonly files: Pick<RosterFiles, 'read' | 'variable'>;
  /** Keys for hosts that do not say otherwise (Salt's `roster_defaults`). */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

const text = z.union([z.string(), z.number()]).transform(String);
/** A text, or where one is to be read. */
const secret = z.union([
  z.instanceof(Secret),
  text.transform((value) => new Secret(value)),
  z.strictObject({ env: z.string().describe('Name of an environment variable of the master.') }),
  z.strictObject({ file: z.string().describe('A file with nothing else in it.') }),
]);
const names = z.union([
  z.string().transform((value) => value.split(',').map((part) => part.trim())),
  z.array(z.string()),
]);
const object = z.record(z.string(), z.json());
const yesOrNo = z.boolean();
/** Folders and `$PATH`: what a shell would do with anything else is nothing a roster may ask for. */
const path = z
  .string()
  .regex(
    /^(?:\/[^:$`"'\\\n\0]*|\$PATH|\$\{PATH\})(?::(?:\/[^:$`"'\\\n\0]*|\$PATH|\$\{PATH\}))*$/,
    'is no list of folders',
  )
  .transform((folders) => folders.replace(/\$\{PATH\}/g, () => '$PATH'));
/**
 * Read by its digits, as modes of files are: leading zeros do not come through YAML. 63 is what Salt's documentation
 * writes for 0077.
 */
const umask = text
  .pipe(z.string().regex(/^(0o?)?[0-7]{1,3}$/, 'is no octal number'))
  .transform((digits) => (digits === '63' ? 0o77 : Number.parseInt(digits.replace('o', ''), 8)));

/** The keys of one host in a roster (Salt 3006, topics/ssh/roster), and a few of ours. */
const entrySchema = z.strictObject({
  host: text.optional().describe('Name or address; the id where absent.'),
  port: z.coerce.number().int().min(1).max(65_535).optional().describe('Port of sshd, 22 by default.'),
  user: text.optional().describe('Login user, root by default.'),
  passwd: secret.optional().describe('Password for the login, and for sudo where it asks.'),
  priv: names.optional().describe('Private key file, or several.'),
  priv_passwd: secret.optional().describe('Passphrase of the private key.'),
  certificate: names.optional().describe('OpenSSH certificate of the key, or several.'),
  identities_only: yesOrNo.optional().describe('Offer only the keys that are named, not everything the agent has.'),
  sudo: yesOrNo.optional().describe('Run everything as `sudo_user`.'),
  sudo_user: text.optional().describe('Whom sudo becomes, root by default.'),
  escalate_by: z
    .enum(['sudo', 'su', 'doas'])
    .optional()
    .describe('What `sudo: True` uses: sudo by default, su, or doas.'),
  sudo_passwd: secret.optional().describe('Password for sudo, where it is not `passwd`.'),
  set_path: path
    .optional()
    .describe('PATH of commands: folders with `:` between them; `$PATH` is the one they have otherwise.'),
  cmd_umask: umask.optional().describe('Umask of commands, octal: `0077`. 022 by default.'),
  tty: yesOrNo.optional().describe('Run everything with a terminal, as `requiretty` in sudoers wants it.'),
  timeout: z.coerce.number().positive().optional().describe('Seconds until the connection must be ready.'),
  proxy_jump: names.optional().describe('Hosts to go through, nearest first: ids or `[user@]host[:port]`.'),
  host_key_alias: text.optional().describe('Name the host key is known under.'),
  known_hosts: names.optional().describe('known_hosts files for this host alone.'),
  host_keys: z.enum(['strict', 'accept-new']).optional().describe('What to do about an unknown key of this host.'),
  ssh_options: z
    .union([z.string().transform((option) => [option]), z.array(z.string())])
    .optional()
    .describe('Options of ssh, as behind `-o`: `ProxyJump=bastion`.'),
  minion_opts: object.optional().describe('Configuration of the host as a minion; its `grains` are facts too.'),
  mine_functions: object.optional().describe('What the host publishes in the mine.'),
  grains: object.optional().describe('Facts about the host.'),
});
type Entry = z.output<typeof entrySchema>;

/** Keys Salt's own client needs and a POSIX `sh` does not: accepted and not used. */
const UNUSED: Readonly<Record<string, string>> = {
  thin_dir: 'Edge needs no copy of itself on the host.',
  ssh_pre_flight: 'Run it as a state or with `cmd.script`.',
  ssh_pre_flight_args: 'Run it as a state or with `cmd.script`.',
  ssh_ext_alternatives: 'Edge needs no copy of itself on the host.',
  remote_port_forwards: 'Nothing on the host talks back to the master.',
  ssh_log_file: 'See the log of the master.',
};

/**
 * Reads a roster that was rendered: ids to keys, or ids to a host name. Reports every problem at once, with the
 * author's lines as `placeOf` finds them.
 */
export function parseRoster(data: unknown, options: RosterFileOptions): Compiled<readonly SshTarget[]> {
  if (data === null) return compiled<readonly SshTarget[]>([]);
  if (typeof data !== 'object' || Array.isArray(data)) {
    return compiled<readonly SshTarget[]>(
      [],
      [problem('error', 'a roster maps ids to hosts', 'Write `web1: {host: 192.0.2.1}`.')],
    );
  }
  const diagnostics: Diagnostic[] = [];
  const targets: SshTarget[] = [];
  for (const [id, raw] of Object.entries(data as Record<string, unknown>)) {
    const target = readEntry(id, raw, options, diagnostics);
    if (target !== undefined) targets.push(target);
  }
  return compiled<readonly SshTarget[]>(targets, diagnostics);
}

function readEntry(
  id: string,
  raw: unknown,
  options: RosterFileOptions,
  diagnostics: Diagnostic[],
): SshTarget | undefined {
  const { placeOf = () => undefined, defaults = {} } = options;
  const report = (severity: Diagnostic['severity'], summary: string, detail: string, key?: string): void =>
    void diagnostics.push(problem(severity, `${id}: ${summary}`, detail, placeOf(id, key) ?? placeOf(id)));
  if (!/^[\w.@-]+$/.test(id)) {
    report('error', 'no id of a host', 'Use letters, digits, `.`, `-`, `_` and `@`.');
    return undefined;
  }
  const given = typeof raw === 'string' ? { host: raw } : (raw ?? {});
  if (typeof given !== 'object' || Array.isArray(given)) {
    report('error', 'neither a host name nor a mapping', `Write \`${id}: {host: 192.0.2.1}\`.`);
    return undefined;
  }
  const used: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(given)) {
    const unused = UNUSED[key];
    if (unused === undefined) used[key] = value;
    else report('warning', `\`${key}\` has no effect`, unused, key);
  }
  const parsed = entrySchema.safeParse(used);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) reportIssue(issue, report);
    return undefined;
  }
  const place = placeOf(id);
  const origin = {
    roster: 'file' as const,
    place: place === undefined ? (options.file ?? '') : `${place.file}:${place.line}`,
  };
  const plain = { ...toTarget(id, parsed.data, options, report), origin };
  const { target, problems } = applySshOptions(plain, parsed.data.ssh_options ?? [], options.home);
  for (const { severity, summary, detail } of problems) report(severity, summary, detail, 'ssh_options');
  return target;
}

type Report = (severity: Diagnostic['severity'], summary: string, detail: string, key?: string) => void;

function toTarget(id: string, entry: Entry, { home, files }: RosterFileOptions, report: Report): SshTarget {
  const atHome = (file: string): string => (file.startsWith('~/') ? join(home, file.slice(2)) : file);
  const revealed = (key: 'passwd' | 'priv_passwd' | 'sudo_passwd'): Secret | undefined => {
    const value = entry[key];
    if (value === undefined || value instanceof Secret) return value;
    const [found, what] =
      'env' in value
        ? [files.variable(value.env), `the environment variable ${value.env} is not set`]
        : [files.read(atHome(value.file))?.replace(/\r?\n$/, ''), `the file ${value.file} cannot be read`];
    if (found !== undefined) return new Secret(found);
    report('error', `\`${key}\`: ${what}`, 'It is read by the master, when it starts.', key);
    return undefined;
  };
  const { minion_opts = {}, mine_functions, grains = {} } = entry;
  const { grains: optGrains } = minion_opts;
  const given = {
    host: entry.host,
    port: entry.port,
    user: entry.user,
    password: revealed('passwd'),
    // Salt's word for "ask the agent": no key file of ours.
    keyFiles: entry.priv?.filter((file) => file !== 'agent-forwarding').map(atHome),
    passphrase: revealed('priv_passwd'),
    certificateFiles: entry.certificate?.map(atHome),
    identitiesOnly: entry.identities_only,
    sudo: entry.sudo,
    sudoUser: entry.sudo_user,
    sudoPassword: revealed('sudo_passwd'),
    escalateBy: entry.escalate_by,
    path: entry.set_path,
    umask: entry.cmd_umask,
    tty: entry.tty,
    connectTimeoutMs: entry.timeout === undefined ? undefined : entry.timeout * 1_000,
    proxyJump: entry.proxy_jump,
    hostKeyAlias: entry.host_key_alias,
    knownHostsFiles: entry.known_hosts?.map(atHome),
    hostKeyMode: entry.host_keys,
  };
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return sshTarget({
    id,
    ...defined,
    minionOpts: { ...minion_opts, ...(mine_functions === undefined ? {} : { mine_functions }) } as JsonObject,
    grains: { ...(isObject(optGrains) ? optGrains : {}), ...grains } as JsonObject,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function reportIssue(issue: z.core.$ZodIssue, report: Report): void {
  const known = Object.keys(entrySchema.shape);
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) {
    for (const key of issue.keys) {
      report('error', `unknown roster key \`${key}\``, didYouMean(key, known) || `Keys are ${known.join(', ')}.`, key);
    }
    return;
  }
  const key = issue.path.length === 0 ? undefined : String(issue.path[0]);
  const described =
    key === undefined ? '' : (entrySchema.shape[key as keyof typeof entrySchema.shape]?.description ?? '');
  report('error', `${key === undefined ? '' : `\`${key}\`: `}${issue.message}`, described, key);
}
