import { randomBytes } from 'node:crypto';
import type { ExecResult } from '@edge-run/shared/host';
import { cancelled, deadline, EdgeError, type Secret } from '@edge-run/shared/kernel';
import type { ClientChannel } from 'ssh2';
import { killGroups, type Obstacle } from './command.ts';
import type { Connection, OpenChannel } from './connection.ts';
import { sudoRefused } from './errors.ts';
import { BoundedOutput, MarkedLines, UntilMarker } from './output.ts';
import { type Become, frame, MARK, sessionLine } from './script.ts';

const START_TIMEOUT_MS = 20_000;

/** Says that a session ended under a command that only looks: it may be asked again elsewhere. */
export class SessionEnded extends Error {}

/** Who a session's shell says it is. */
export interface Identity {
  readonly uid: number;
  readonly user: string;
}

interface Frame {
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
  readonly onEnd: () => void;
}

/**
 * A long-lived shell on the host that answers one short command after the other, three times as fast as a channel
 * for each. For commands that only look: what one of them leaves in the background could write into the answer to
 * the next.
 */
export class ShellSession {
  readonly identity: Identity;
  readonly #open: OpenChannel<ClientChannel>;
  readonly #leaders: readonly string[];
  readonly #connection: Connection;
  readonly #become: Become;
  readonly #password: Secret | undefined;
  #frame: Frame | undefined;
  #ended = false;

  private constructor(
    connection: Connection,
    open: OpenChannel<ClientChannel>,
    hello: { identity: Identity; leaders: readonly string[] },
    { become, password }: { become: Become; password: Secret | undefined },
  ) {
    this.#connection = connection;
    this.#open = open;
    this.identity = hello.identity;
    this.#leaders = hello.leaders;
    this.#become = become;
    this.#password = password;
    const { channel, lost } = open;
    channel.on('data', (chunk: Buffer) => this.#frame?.onStdout(chunk));
    channel.stderr.on('data', (chunk: Buffer) => this.#frame?.onStderr(chunk));
    channel.on('close', () => this.end());
    channel.on('error', () => this.end());
    lost.addEventListener('abort', () => this.end(), { once: true });
    if (lost.aborted) this.end();
  }

  /** Starts the shell, becomes the user asked for and asks who that is. @throws EdgeError `EDGE_SSH_SUDO_REFUSED` */
  static async start(
    connection: Connection,
    become: Become,
    password: Secret | undefined,
    parent?: AbortSignal,
  ): Promise<ShellSession> {
    const key = randomBytes(16).toString('hex');
    const limit = deadline(START_TIMEOUT_MS, `starting a shell on ${connection.target.id}`, parent);
    try {
      const open = await connection.exec(sessionLine(become, key), limit.signal);
      try {
        const hello = await greet(connection, open, { become, password, key }, limit.signal);
        return new ShellSession(connection, open, hello, { become, password });
      } catch (error) {
        open.channel.close();
        open.release();
        throw error;
      }
    } finally {
      limit.dispose();
    }
  }

  get isIdle(): boolean {
    return !this.#ended && this.#frame === undefined;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Runs the script made for a fresh key; it changes nothing. One at a time. @throws SessionEnded */
  run(
    scriptFor: (key: string) => string,
    { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
  ): Promise<{ result: ExecResult; obstacle: Obstacle | undefined }> {
    return new Promise((resolve, reject) => {
      if (this.#ended || this.#frame) return reject(new SessionEnded('the session is not free'));
      if (signal.aborted) return reject(cancelled(signal));
      const key = randomBytes(16).toString('hex');
      const stdout = new BoundedOutput(maxBytes);
      const stderr = new BoundedOutput(maxBytes);
      const untilStdout = new UntilMarker(`\n${key} `, stdout);
      let obstacle: Obstacle | undefined;
      let stderrDone = false;
      const marks = new MarkedLines(key, stderr, ([word]) => {
        if (word === MARK.end) stderrDone = true;
        else if (word === MARK.noProgram || word === MARK.noDirectory) obstacle = word;
      });
      let exitCode: number | undefined;
      const settle = (finish: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        this.#frame = undefined;
        finish();
      };
      const onAbort = (): void => {
        settle(() => undefined);
        this.#kill(key).then(
          () => reject(cancelled(signal)),
          () => reject(cancelled(signal)),
        );
      };
      const finish = (): void => {
        if (exitCode === undefined || !stderrDone) return;
        const stdoutBytes = stdout.bytes();
        const result: ExecResult = {
          exitCode,
          stdout: stdoutBytes.toString('utf8'),
          stderr: stderr.bytes().toString('utf8'),
          stdoutBytes,
          truncated: stdout.isTruncated || stderr.isTruncated,
        };
        settle(() => resolve({ result, obstacle }));
      };
      this.#frame = {
        onStdout: (chunk) => {
          const rest = untilStdout.push(chunk);
          if (rest !== undefined) exitCode = Number(rest);
          finish();
        },
        onStderr: (chunk) => {
          marks.push(chunk);
          finish();
        },
        onEnd: () => settle(() => reject(new SessionEnded('the session ended'))),
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#open.channel.write(frame(scriptFor(key), key));
    });
  }

  /** Ends the shell and gives its channel back. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#open.channel.close();
    this.#open.release();
    this.#frame?.onEnd();
  }

  async #kill(key: string): Promise<void> {
    const kill = killGroups(this.#connection, this.#leaders, { become: this.#become, password: this.#password, key });
    await kill.finally(() => this.end());
  }
}

interface Greeting {
  readonly become: Become;
  readonly password: Secret | undefined;
  readonly key: string;
}

/** Waits for the shell's first answer, giving sudo its password on the way. */
function greet(
  connection: Connection,
  { channel, lost }: OpenChannel<ClientChannel>,
  { become, password, key }: Greeting,
  signal: AbortSignal,
): Promise<{ identity: Identity; leaders: readonly string[] }> {
  const { id } = connection.target;
  const leaders: string[] = [];
  const output = new BoundedOutput(64 * 1024);
  const errors = new BoundedOutput(64 * 1024);
  const until = new UntilMarker(`${key} hello `, output);
  let prompts = 0;
  const sayHello = (): void => void channel.write(`echo "${key} hello $$ $(id -u) $(id -un)"\n`);
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      lost.removeEventListener('abort', onEnd);
      channel.off('data', onData).off('close', onClose).off('error', onEnd);
      channel.stderr.off('data', onErrorData);
      finish();
    };
    const onAbort = (): void => settle(() => reject(cancelled(signal)));
    const onEnd = (): void =>
      settle(() => {
        if (lost.aborted) return reject(new SessionEnded('the connection broke'));
        const said = prompts > 1 ? 'the password is wrong' : errors.bytes().toString('utf8');
        reject(become.kind === 'login' ? noShell(id, said) : sudoRefused(id, become.user, said));
      });
    const marks = new MarkedLines(key, errors, ([word, value]) => {
      if (word === MARK.leader && value !== undefined) leaders.push(value);
      else if (word === MARK.started) sayHello();
      else if (word === 'password') {
        prompts += 1;
        if (prompts === 1 && password) channel.write(`${password.reveal()}\n`);
        else channel.end();
      }
    });
    const onErrorData = (chunk: Buffer): void => marks.push(chunk);
    const onData = (chunk: Buffer): void => {
      const hello = until.push(chunk);
      if (hello === undefined) return;
      const [pid = '', uid = '', user = ''] = hello.split(' ');
      settle(() => resolve({ identity: { uid: Number(uid), user }, leaders: [...leaders, pid] }));
    };
    const onClose = (): void => {
      marks.end();
      onEnd();
    };
    channel.stderr.on('data', onErrorData);
    channel.on('data', onData);
    channel.on('close', onClose);
    channel.on('error', onEnd);
    lost.addEventListener('abort', onEnd, { once: true });
    signal.addEventListener('abort', onAbort, { once: true });
    if (lost.aborted) onEnd();
    else if (become.kind === 'login') sayHello();
  });
}

function noShell(id: string, said: string): EdgeError {
  return new EdgeError(
    'EDGE_SSH_SESSION_REFUSED',
    `${id} starts no shell for the SSH user${said.trim() === '' ? '' : `: ${said.trim().split('\n')[0]}`}`,
    { host: id, stderr: said.slice(0, 2_000) },
    { hint: `Has the user a login shell, and does sshd of ${id} let it run commands (ForceCommand, \`nologin\`)?` },
  );
}
