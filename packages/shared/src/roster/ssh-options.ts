import type { Diagnostic } from '../kernel/index.ts';
import type { SshTarget } from './host.ts';

/** What was found wrong with an option. */
interface OptionProblem {
  readonly severity: Diagnostic['severity'];
  readonly summary: string;
  readonly detail: string;
}

/** Options of ssh that say something about how a host is reached; the names are those of ssh_config(5), in small letters. */
const OPTIONS: Readonly<
  Record<string, (value: string, target: SshTarget, home: string) => Partial<SshTarget> | undefined>
> = {
  hostname: (value) => ({ host: value }),
  user: (value) => ({ user: value }),
  port: (value) => (isPort(value) ? { port: Number(value) } : undefined),
  identityfile: (value, { keyFiles }, home) => ({ keyFiles: [...keyFiles, atHome(value, home)] }),
  certificatefile: (value, { certificateFiles }, home) => ({
    certificateFiles: [...certificateFiles, atHome(value, home)],
  }),
  identitiesonly: (value) => ({ identitiesOnly: isYes(value) }),
  identityagent: (value, _target, home) => ({ agentSocket: value === 'SSH_AUTH_SOCK' ? '' : atHome(value, home) }),
  proxyjump: (value) => ({ proxyJump: splitJumps(value) }),
  proxycommand: (value) => {
    if (value.toLowerCase() === 'none') return { proxyJump: [] };
    const jump = jumpOfCommand(value);
    return jump === undefined ? undefined : { proxyJump: [jump] };
  },
  connecttimeout: (value) =>
    /^\d+$/.test(value) && Number(value) > 0 ? { connectTimeoutMs: Number(value) * 1_000 } : undefined,
  hostkeyalias: (value) => ({ hostKeyAlias: value }),
  userknownhostsfile: (value, _target, home) => ({
    knownHostsFiles: value.toLowerCase() === 'none' ? [] : value.split(/\s+/).map((file) => atHome(file, home)),
  }),
  stricthostkeychecking: (value) => {
    if (/^(yes|ask|true)$/i.test(value)) return { hostKeyMode: 'strict' };
    return value.toLowerCase() === 'accept-new' ? { hostKeyMode: 'accept-new' } : undefined;
  },
};

const DETAILS: Readonly<Record<string, string>> = {
  proxycommand: 'Use ProxyJump; of commands only `ssh -W %h:%p [user@]host` is understood.',
  stricthostkeychecking: 'Unknown keys are refused, or taken with `accept-new`; a changed key never is.',
  port: 'A port is a number up to 65535.',
  connecttimeout: 'It is a number of seconds.',
};

/** Options that only say how ssh itself behaves, without a warning. */
const HARMLESS =
  /^(controlmaster|controlpath|controlpersist|serveralive\w+|loglevel|compression|batchmode|forwardagent|forwardx11\w*|addkeystoagent|tcpkeepalive|preferredauthentications|\w+authentication|hashknownhosts|visualhostkey|checkhostip|updatehostkeys|globalknownhostsfile|requesttty|sendenv|setenv|usekeychain|ignoreunknown|addressfamily|escapechar|gssapi\w*|ciphers|macs|kexalgorithms|hostkeyalgorithms|pubkeyaccepted\w+|warnweakcrypto|permitlocalcommand|exitonforwardfailure|ipqos|numberofpasswordprompts)$/;

/** One option applied; undefined where it means nothing here, a text where its value does not. */
export function applySshOption(
  name: string,
  value: string,
  target: SshTarget,
  home: string,
): SshTarget | { readonly problem: OptionProblem } | undefined {
  const key = name.toLowerCase();
  const apply = OPTIONS[key];
  if (apply === undefined) return undefined;
  const change = apply(value, target, home);
  if (change !== undefined) return { ...target, ...change };
  // What would weaken or change the way is not followed; what is no value at all is a mistake.
  const severity = key === 'proxycommand' || key === 'stricthostkeychecking' ? 'warning' : 'error';
  const summary = severity === 'warning' ? `\`${name} ${value}\` is not followed` : `\`${value}\` is no ${name}`;
  return { problem: { severity, summary, detail: DETAILS[key] ?? '' } };
}

/** Applies options as they stand behind `-o` of ssh, `Name=value` or `Name value`. */
export function applySshOptions(
  target: SshTarget,
  options: readonly string[],
  home: string,
): { readonly target: SshTarget; readonly problems: readonly OptionProblem[] } {
  const problems: OptionProblem[] = [];
  let applied = target;
  for (const option of options) {
    const match = /^\s*(?:-o\s*)?(\w+)\s*[=\s]\s*(.+?)\s*$/.exec(option);
    if (match === null) {
      problems.push({ severity: 'error', summary: `\`${option}\` is no option of ssh`, detail: 'Write `Name=value`.' });
      continue;
    }
    const [, name = '', value = ''] = match;
    const result = applySshOption(name, value.replace(/^"(.*)"$/, '$1'), applied, home);
    if (result === undefined) {
      if (!HARMLESS.test(name.toLowerCase())) {
        problems.push({ severity: 'warning', summary: `\`${name}\` is not followed`, detail: '' });
      }
    } else if ('problem' in result) problems.push(result.problem);
    else applied = result;
  }
  return { target: applied, problems };
}

/** True for options that change nothing about what is done on a host, and are passed over in silence. */
export function isHarmlessOption(name: string): boolean {
  return HARMLESS.test(name.toLowerCase());
}

/** `a,b@c:22`; `none` is nobody. */
export function splitJumps(value: string): readonly string[] {
  return value.toLowerCase() === 'none' ? [] : value.split(',').map((part) => part.trim().replace(/^ssh:\/\//, ''));
}

/** The jump host of `ssh -W %h:%p …`, as ProxyJump would name it. */
export function jumpOfCommand(command: string): string | undefined {
  const words = command.replace(/^["']|["']$/g, '').split(/\s+/);
  if (!/(^|\/)ssh$/.test(words[0] ?? '') || !words.some((word) => /^-W$|^-W%h/.test(word))) return undefined;
  let user: string | undefined;
  let port: string | undefined;
  let host: string | undefined;
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at]!;
    if (/^-[plioFJW]$/.test(word)) {
      at += 1;
      if (word === '-p') port = words[at];
      if (word === '-l') user = words[at];
    } else if (!word.startsWith('-')) host ??= word;
  }
  if (host === undefined || host.includes('%')) return undefined;
  return `${user === undefined || host.includes('@') ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

function isPort(value: string): boolean {
  return /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

function isYes(value: string): boolean {
  return /^(yes|true)$/i.test(value);
}

function atHome(file: string, home: string): string {
  return file.replace(/^~(?=\/|$)/, home);
}
