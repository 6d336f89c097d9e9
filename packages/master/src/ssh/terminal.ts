import { randomBytes } from 'node:crypto';
import { cancelled, EdgeError } from '@edge-run/shared/kernel';
import type { ClientChannel } from 'ssh2';
import type { Connection, OpenChannel } from './connection.ts';
import { quoteForAnyShell } from './script.ts';
import { SessionEnded } from './session-ended.ts';

/*
 * A terminal has one stream, echoes, and changes what passes through it: no frame survives that. So a shell that is to
 * have one gets it as its controlling terminal only, which is what `requiretty` of sudo asks for. Its three streams are
 * named pipes, in a folder that nobody else may enter, and lead to a second channel, which has no terminal.
 */

const MAX_SAID_CHARACTERS = 2_000;

/**
 * Runs `script`, lines of sh, with a controlling terminal. The channel answered has its streams, as if it ran there
 * itself; it ends with the shell, and the shell with it.
 *
 * @throws EdgeError `EDGE_SSH_SESSION_REFUSED`; SessionEnded
 */
export async function openOnTerminal(
  connection: Connection,
  script: string,
  { signal, urgent }: { readonly signal: AbortSignal; readonly urgent: boolean },
): Promise<OpenChannel<ClientChannel>> {
  const key = randomBytes(16).toString('hex');
  const relay = await connection.exec(sh(relayScript(key)), signal, { urgent });
  let isOver = false;
  let endShell = (): void => {};
  relay.channel.once('close', () => {
    isOver = true;
    endShell();
  });
  try {
    await ready(connection.target.id, relay, key, signal);
    const shell = await connection.execOnTerminal(sh(terminalScript(key, script)), signal);
    endShell = () => {
      shell.channel.close();
      shell.release();
    };
    // What is written there is what programs say to a person.
    shell.channel.resume();
    shell.channel.stderr.resume();
    shell.channel.on('error', () => undefined); // that it ends is what counts
    // The relay brings what is still under way, and ends.
    shell.channel.once('close', () => relay.channel.end());
    if (isOver) endShell();
    return relay;
  } catch (error) {
    relay.channel.close();
    relay.release();
    throw error;
  }
}

/** The folder of the pipes: nobody knows the key before, and `mkdir` fails where somebody guessed it. */
function folderOf(key: string): string {
  return `"\${TMPDIR:-/tmp}/.edge-${key}"`;
}

/**
 * Joins the streams of its channel with the pipes until the shell has ended, and everybody who holds its output. Whatever
 * ends it takes the folder and all its processes along: they are one process group.
 */
function relayScript(key: string): string {
  return [
    `umask 077; d=${folderOf(key)}`,
    'mkdir "$d" || exit 1',
    // Who opens a pipe that is gone would make a file there: first the others, then the folder.
    `trap 'kill -9 $out $err $in 2>/dev/null; trap "" TERM; kill 0; wait; rm -rf "$d"' EXIT`,
    // A channel that is closed already is an error of `echo` then, and not the end of all.
    `trap '' PIPE`,
    'mkfifo "$d/0" "$d/1" "$d/2" || exit 1',
    'exec 3<&0',
    'cat <"$d/1" & out=$!',
    'cat <"$d/2" >&2 & err=$!',
    // Opened for both, a pipe opens at once. The shell takes the folder away when it has opened them; when the input ends
    // before that, it never comes.
    '{ cat <&3 1<>"$d/0"; if [ -d "$d" ]; then kill $out $err; fi; } & in=$!',
    // Not before the others are there: a shell that has just been made from one with a trap loses the signal.
    `trap 'exit 1' HUP INT TERM`,
    `echo ${key} >&2 || exit 1`,
    'wait $out; wait $err; out=; err=',
  ].join('; ');
}

function terminalScript(key: string, script: string): string {
  return `d=${folderOf(key)}; exec <"$d/0" >"$d/1" 2>"$d/2"; rm -rf "$d"; ${script}`;
}

function sh(script: string): string {
  return `exec /bin/sh -c ${quoteForAnyShell(script)}`;
}

/** Resolves when the pipes are there; all that comes before that word is noise of the login. */
function ready(
  id: string,
  { channel, lost }: OpenChannel<ClientChannel>,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    // Not by `data`: what comes once nobody listens any more would be gone.
    const onReadable = (): void => {
      said += (channel.stderr.read() as Buffer | null)?.toString('latin1') ?? '';
      if (said.includes(`${key}\n`)) settle(resolve);
    };
    const onEnd = (): void =>
      settle(() => reject(lost.aborted ? new SessionEnded('the connection broke', false) : noPipes(id, said)));
    const onAbort = (): void => settle(() => reject(cancelled(signal)));
    const settle = (finish: () => void): void => {
      channel.stderr.off('readable', onReadable);
      channel.off('close', onEnd);
      lost.removeEventListener('abort', onEnd);
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    channel.stderr.on('readable', onReadable);
    channel.on('close', onEnd);
    lost.addEventListener('abort', onEnd, { once: true });
    signal.addEventListener('abort', onAbort, { once: true });
    if (lost.aborted) onEnd();
  });
}

function noPipes(id: string, said: string): EdgeError {
  const stderr = said.trim().slice(0, MAX_SAID_CHARACTERS);
  return new EdgeError(
    'EDGE_SSH_SESSION_REFUSED',
    `${id} makes no named pipes for a shell with a terminal${stderr === '' ? '' : `: ${stderr.split('\n')[0]}`}`,
    { host: id, stderr },
    { hint: `\`tty: True\` needs \`mkfifo\` and a folder to write in on ${id}: TMPDIR, or /tmp.` },
  );
}
