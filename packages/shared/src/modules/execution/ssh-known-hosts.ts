import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import {
  type FingerprintHash,
  findKnownHost,
  fingerprintOf,
  hasFingerprint,
  hashName,
  type KnownHost,
  type KnownHostsPath,
  knownName,
  readFingerprint,
  readKnownHosts,
  removeKnownHost,
  scanKeys,
  setKnownHost,
  writeKnownHosts,
} from '../providers/ssh/index.ts';
import {
  encArg,
  hashArg,
  hostnameArg,
  keyArg,
  knownHostsArg,
  knownUserArg,
  portArg,
  timeoutArg,
} from './ssh-arguments.ts';
import { requireType } from './ssh-keys.ts';

const where = { config: knownHostsArg, port: portArg };
const optionalKey = keyArg
  .nullish()
  .transform((key) => key ?? undefined)
  .describe('The key it is to be known by: base64, without its type.');
const fingerprintArg = z
  .string()
  .nullish()
  .transform((fingerprint) => fingerprint || undefined)
  .describe('Fingerprint of that key, when the server is asked for it: `SHA256:…`, or digits.');

/** What is wanted of a known host; `knownHostArgs` has it from trees. */
export interface KnownHostRequest {
  readonly path: KnownHostsPath;
  readonly hostname: string;
  readonly port: number | undefined;
  readonly key: string | undefined;
  readonly enc: string | undefined;
  readonly fingerprint: string | undefined;
  readonly hash: FingerprintHash | undefined;
  /** Write hashes of names, so that nobody can read which hosts are known. */
  readonly hashNames: boolean;
  readonly timeoutS: number;
}

/** What has to be done for a host to be known. */
export type KnownHostPlan =
  | { readonly kind: 'exists'; readonly entries: readonly KnownHost[] }
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'set';
      readonly old: readonly KnownHost[];
      readonly entries: readonly KnownHost[];
      edit(text: string): string;
    };

/** Arguments of `ssh.set_known_host` and of the state, but for the name of the host. */
export const knownHostArgs = {
  fingerprint: fingerprintArg,
  key: optionalKey,
  port: portArg,
  enc: encArg.describe('Type of the keys the server is asked for; of `key`, which says it itself.'),
  config: knownHostsArg,
  hash_known_hosts: z.boolean().default(true).describe('Write a hash of the name, and not the name.'),
  timeout: timeoutArg,
  fingerprint_hash_type: hashArg,
};

/** Hosts that ssh trusts. */
export const sshKnownHostsFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'ssh.get_known_host_entries',
    summary: 'Answer the keys a host is known by.',
    args: z.object({ user: knownUserArg, hostname: hostnameArg, ...where, fingerprint_hash_type: hashArg }),
    returns: 'A list of {hostname, enc, key, fingerprint}; nothing when the host is not known.',
    examples: [{ title: 'for root', args: { user: 'root', hostname: 'git.example.com' } }],
    async run({ user, hostname, config, port, fingerprint_hash_type: hash }, { host }) {
      const text = await readKnownHosts(host, knownHostsPath(user, config));
      const found = findKnownHost(text, nameOf(hostname, port));
      return found.length === 0 ? null : shownEntries(found, hash);
    },
  }),
  defineRead({
    name: 'ssh.check_known_host',
    summary: 'Answer what would have to be done for a host to be known, by a key or a fingerprint where one is given.',
    args: z.object({
      user: knownUserArg,
      hostname: hostnameArg,
      key: optionalKey,
      fingerprint: fingerprintArg,
      ...where,
      fingerprint_hash_type: hashArg,
    }),
    returns: '`exists`, `update` or `add`.',
    examples: [],
    async run({ user, hostname, key, fingerprint, config, port, fingerprint_hash_type: hash }, { host }) {
      const text = await readKnownHosts(host, knownHostsPath(user, config));
      const found = findKnownHost(text, nameOf(hostname, port));
      if (found.length === 0) return 'add';
      return isKnownBy(found, { key, fingerprint, hash }) ? 'exists' : 'update';
    },
  }),
  defineWrite({
    name: 'ssh.set_known_host',
    summary: 'Make a host known by a key, or by the keys it shows when it is asked.',
    args: z.object({ user: knownUserArg, hostname: hostnameArg, ...knownHostArgs }),
    returns: 'A mapping: `status` is `exists`, `updated` or `error`, with keys, old and new, or the error.',
    failed: (answer) => (answer as { readonly status: string }).status === 'error',
    examples: [
      {
        title: 'asked, and compared',
        args: {
          ...{ user: 'root', hostname: 'git.example.com' },
          fingerprint: 'SHA256:0jZ8o8Z0mYQ1L0o4xq5mPqv4rJb1c8jYt0n7m2V3s4w',
        },
      },
    ],
    async run(args, { host, signal }) {
      const request = knownHostRequest(args.hostname, args);
      const plan = await planKnownHost(host, request, signal);
      if (plan.kind === 'refused') return { status: 'error', error: plan.reason };
      if (plan.kind === 'exists') return { status: 'exists', keys: plan.entries.map(({ key }) => key) };
      await writeKnownHosts(host, request.path, plan.edit(await readKnownHosts(host, request.path)));
      return { status: 'updated', ...shownChange(plan, request.hash) };
    },
  }),
  defineWrite({
    name: 'ssh.rm_known_host',
    summary: 'Forget a host: every key on lines that name it.',
    args: z.object({ user: knownUserArg, hostname: hostnameArg, ...where }),
    returns: 'A mapping: `status` is `removed`, with a comment.',
    examples: [],
    async run({ user, hostname, config, port }, { host }) {
      const path = knownHostsPath(user, config);
      const before = await readKnownHosts(host, path);
      const after = removeKnownHost(before, nameOf(hostname, port));
      if (after !== before) await writeKnownHosts(host, path, after);
      return {
        status: 'removed',
        comment: `${hostname} ${after === before ? 'was not in' : 'removed from'} ${path.config}`,
      };
    },
  }),
];

/** Where hosts are known, as trees say it (Salt 3006 modules/ssh.py, _get_known_hosts_file). */
export function knownHostsPath(user: string | undefined, config: string | undefined): KnownHostsPath {
  return { user, config: config ?? (user === undefined ? '/etc/ssh/ssh_known_hosts' : '.ssh/known_hosts') };
}

/** What a host is called in the file; `[name]:port` is taken as it is. */
export function nameOf(hostname: string, port: number | undefined): string {
  const { host, port: own } = splitName(hostname);
  return knownName(host, own ?? port);
}

/** The request that arguments stand for. */
export function knownHostRequest(
  hostname: string,
  args: {
    readonly user: string | undefined;
    readonly fingerprint: string | undefined;
    readonly key: string | undefined;
    readonly port: number | undefined;
    readonly enc: string | undefined;
    readonly config: string | undefined;
    readonly hash_known_hosts: boolean;
    readonly timeout: number;
    readonly fingerprint_hash_type: FingerprintHash | undefined;
  },
): KnownHostRequest {
  const { host, port } = splitName(hostname);
  return {
    ...{ path: knownHostsPath(args.user, args.config), hostname: host, port: port ?? args.port },
    ...{ key: args.key, enc: args.enc, fingerprint: args.fingerprint, hash: args.fingerprint_hash_type },
    ...{ hashNames: args.hash_known_hosts, timeoutS: args.timeout },
  };
}

/** Looks what has to be done; asks the server only where no key is given. @throws EdgeError as `readUserFile`, `requireType` */
export async function planKnownHost(
  host: HostReader,
  request: KnownHostRequest,
  signal: AbortSignal,
): Promise<KnownHostPlan> {
  const { path, key, fingerprint, hash, enc } = request;
  const problem = problemOf(request);
  if (problem !== undefined) return { kind: 'refused', reason: problem };
  const type = key === undefined ? undefined : requireType(key, enc);
  const name = knownName(request.hostname, request.port);
  const old = findKnownHost(await readKnownHosts(host, path), name);
  if (old.length > 0 && isKnownBy(old, request)) return { kind: 'exists', entries: old };
  let found: readonly KnownHost[] = [{ hostname: name, enc: type ?? '', key: key ?? '' }];
  if (key === undefined) {
    const shown = await scanKeys(host, request, signal);
    if (shown.length === 0)
      return { kind: 'refused', reason: `Unable to receive remote host keys: ${name} does not show any to ${host.id}` };
    // The others may be anybody's: whoever stands between can show one key that is right among some of his own.
    found = shown.filter((entry) => fingerprint === undefined || hasFingerprint(entry.key, fingerprint, hash));
    if (found.length === 0) {
      const seen = shown.map((entry) => `${entry.enc} ${fingerprintOf(entry.key, hash)}`).join(', ');
      return {
        kind: 'refused',
        reason: `Remote host public keys found but none of their fingerprints match the one you have provided: ${seen}`,
      };
    }
  }
  const written = found.map((entry) => ({
    ...entry,
    hostname: request.hashNames ? hashName(name, randomBytes(20)) : name,
  }));
  return {
    kind: 'set',
    old,
    entries: found.map((entry) => ({ ...entry, hostname: name })),
    edit: (text) => written.reduce((now, entry) => setKnownHost(now, name, entry), text),
  };
}

/** Salt's `old` and `new` of a change. */
export function shownChange(
  { old, entries }: Extract<KnownHostPlan, { kind: 'set' }>,
  hash: FingerprintHash | undefined,
): { readonly old: readonly object[] | null; readonly new: readonly object[] } {
  return { old: old.length === 0 ? null : shownEntries(old, hash), new: shownEntries(entries, hash) };
}

/** Entries as Salt shows them. */
export function shownEntries(
  entries: readonly KnownHost[],
  hash: FingerprintHash | undefined,
): readonly (KnownHost & { readonly fingerprint: string })[] {
  return entries.map((entry) => ({ ...entry, fingerprint: fingerprintOf(entry.key, hash) }));
}

function problemOf({ path, key, fingerprint }: KnownHostRequest): string | undefined {
  if (path.user === undefined && !path.config.startsWith('/'))
    return 'If not specifying a "user", specify an absolute "config".';
  if (key !== undefined && fingerprint !== undefined) return 'Specify either "key" or "fingerprint", not both.';
  if (fingerprint !== undefined && readFingerprint(fingerprint) === undefined)
    return `${fingerprint} is no fingerprint; write what 'ssh-keygen -lf KEY.pub' shows: SHA256:…`;
  return undefined;
}

function isKnownBy(
  entries: readonly KnownHost[],
  { key, fingerprint, hash }: Pick<KnownHostRequest, 'key' | 'fingerprint' | 'hash'>,
): boolean {
  if (key !== undefined) return entries.some((entry) => entry.key === key);
  return fingerprint === undefined || entries.some((entry) => hasFingerprint(entry.key, fingerprint, hash));
}

function splitName(hostname: string): { readonly host: string; readonly port: number | undefined } {
  const found = /^\[(.+)\]:(\d+)$/.exec(hostname);
  return found === null ? { host: hostname, port: undefined } : { host: found[1]!, port: Number(found[2]) };
}
