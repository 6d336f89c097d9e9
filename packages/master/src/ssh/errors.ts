import { EdgeError, type ErrorCode, errorMessage } from '@edge-run/shared/kernel';
import { addressOf, type SshTarget } from './target.ts';

/** Turns what the network or ssh2 said while connecting into an error with its own code and advice. */
export function connectError(target: SshTarget, error: unknown, tried: readonly string[]): EdgeError {
  if (error instanceof EdgeError) return error;
  const { code, level } = error as { code?: unknown; level?: unknown };
  const known = typeof code === 'string' ? NETWORK[code] : undefined;
  if (known) return make(target, known.code, known.what, known.hint(target), error);
  if (level === 'client-timeout' || /timed out/i.test(errorMessage(error))) return timedOut(target, error);
  if (level === 'client-authentication') return authFailed(target, tried, error);
  return make(
    target,
    'EDGE_SSH_HANDSHAKE_FAILED',
    `broke off the handshake: ${errorMessage(error)}`,
    `Is it an SSH server? Try: ssh -v -p ${target.port} ${target.user}@${target.host}.`,
    error,
  );
}

/** The connection was not ready in time. */
export function timedOut(target: SshTarget, cause?: unknown): EdgeError {
  return make(
    target,
    'EDGE_SSH_TIMED_OUT',
    `was not ready within ${target.connectTimeoutMs} ms`,
    'A firewall may drop the packets: try `nc -vz` from the master, or raise `timeout` in the roster.',
    cause,
  );
}

/** True for the ends of a connection that a server with too many handshakes makes (MaxStartups): worth another try. */
export function isDroppedHandshake(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ECONNRESET' || code === 'EPIPE' || /before handshake|socket hang up/i.test(errorMessage(error));
}

/** The connection ended while something ran on the host. */
export function connectionLost(id: string, what: string, cause?: unknown): EdgeError {
  return new EdgeError(
    'EDGE_SSH_CONNECTION_LOST',
    `the SSH session on ${id} broke while \`${what}\` ran; whether it ended is unknown`,
    { host: id, command: what },
    { cause, hint: `Look on ${id} whether it still runs or what it left behind, before it is run again.` },
  );
}

/** The connection ended between two commands of a job and cannot be made again: `cause` says why. */
export function lostForGood(id: string, what: string, cause: EdgeError): EdgeError {
  return new EdgeError(
    'EDGE_SSH_CONNECTION_LOST',
    `the connection to ${id} was lost after a part of the job had run there, before \`${shortened(what)}\`: ${cause.message}`,
    { host: id, command: shortened(what), why: cause.code },
    { cause, hint: `${cause.hint ?? ''} Look on ${id} how far the job came before it is run again.`.trim() },
  );
}

/** What was asked for, for a message: on one line, cut at 120 characters. */
export function shortened(what: string): string {
  const text = what.replace(/\s+/g, ' ');
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** The login user may not become somebody else: what the program that should let him said, and how often it asked. */
export function becomeRefused(
  id: string,
  { kind, user }: { readonly kind: 'sudo' | 'su' | 'doas'; readonly user: string },
  { said, prompts }: { readonly said: string; readonly prompts: number },
): EdgeError {
  const lines = said.trim().split('\n');
  const line = (lines.find((text) => NO_RULE.test(text)) ?? lines[0] ?? '').trim();
  const { code, why, hint } = refusal(id, kind, line, prompts);
  return new EdgeError(
    code,
    `${id} does not let the SSH user become ${user} by ${kind}: ${why}`,
    { host: id, user, by: kind, stderr: said.slice(0, 2_000) },
    { hint },
  );
}

/** What sudo and doas say to those they do not know, after a password or without. */
const NO_RULE = /not in the sudoers|not allowed|may not run|operation not permitted/i;

function refusal(
  id: string,
  kind: 'sudo' | 'su' | 'doas',
  line: string,
  prompts: number,
): { readonly code: ErrorCode; readonly why: string; readonly hint: string } {
  if (/not found|no such file/i.test(line)) {
    return {
      code: 'EDGE_SSH_SUDO_MISSING',
      why: `there is no ${kind}`,
      hint: `Install ${kind} on ${id}, log in as the user itself, or name another program in \`escalate_by\` of the roster.`,
    };
  }
  const isRefused = NO_RULE.test(line);
  const wrong = prompts > 0 || /authentication fail|incorrect password/i.test(line);
  if (
    !isRefused &&
    (wrong || /password is required|a password|auth(?:oriz|entic)ation required|tty is required/i.test(line))
  ) {
    const nopass = kind === 'doas' ? 'a `nopass` rule in doas.conf' : 'a NOPASSWD rule in /etc/sudoers.d';
    return {
      code: 'EDGE_SSH_SUDO_PASSWORD',
      why: prompts > 1 || wrong ? 'the password is wrong or missing' : line,
      hint:
        kind === 'su'
          ? `Give the password of the user in \`passwd\` of the roster.`
          : kind === 'doas'
            ? `doas asks on a terminal only: give ${nopass} on ${id}.`
            : `Give the right \`passwd\` in the roster, or ${nopass} on ${id}.`,
    };
  }
  return {
    code: 'EDGE_SSH_SUDO_REFUSED',
    why: line || 'no answer',
    hint: `Check on ${id} what the SSH user may do${kind === 'sudo' ? ': `sudo -l`' : kind === 'doas' ? ': /etc/doas.conf' : ''}.`,
  };
}

function authFailed(target: SshTarget, tried: readonly string[], cause: unknown): EdgeError {
  const list = tried.length === 0 ? 'there was nothing to offer' : `tried ${tried.join(', ')}`;
  return new EdgeError(
    'EDGE_SSH_AUTH_FAILED',
    `${target.id} (${addressOf(target)}) refused to let ${target.user} in: ${list}`,
    { host: target.id, address: addressOf(target), user: target.user, tried },
    {
      cause,
      hint: `Is the key in ~${target.user}/.ssh/authorized_keys there? Set \`user\`, \`priv\` or \`passwd\` in the roster.`,
    },
  );
}

interface NetworkError {
  readonly code: ErrorCode;
  readonly what: string;
  hint(target: SshTarget): string;
}

const unreachable: NetworkError = {
  code: 'EDGE_SSH_UNREACHABLE',
  what: 'cannot be reached over the network',
  hint: () => 'Is the host up, and is there a route to it from the master?',
};
const unknownName: NetworkError = {
  code: 'EDGE_SSH_NAME_UNKNOWN',
  what: 'has a name nobody can resolve',
  hint: ({ host }) => `Check \`host\` in the roster, and \`getent hosts ${host}\` on the master.`,
};
const NETWORK: Readonly<Record<string, NetworkError>> = {
  ECONNREFUSED: {
    code: 'EDGE_SSH_REFUSED',
    what: 'refused the connection',
    hint: ({ port }) => `Nothing listens on port ${port}: is sshd running, and is \`port\` in the roster right?`,
  },
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  EHOSTDOWN: unreachable,
  ENOTFOUND: unknownName,
  EAI_AGAIN: unknownName,
  ETIMEDOUT: {
    code: 'EDGE_SSH_TIMED_OUT',
    what: 'did not answer',
    hint: () => 'A firewall may drop the packets: try `nc -vz` from the master.',
  },
};

function make(target: SshTarget, code: ErrorCode, what: string, hint: string, cause: unknown): EdgeError {
  return new EdgeError(
    code,
    `${target.id} (${addressOf(target)}) ${what}`,
    { host: target.id, address: addressOf(target) },
    { hint, ...(cause === undefined ? {} : { cause }) },
  );
}
