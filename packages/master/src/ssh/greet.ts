import { cancelled, EdgeError, type Secret } from '@edge-run/shared/kernel';
import type { ClientChannel } from 'ssh2';
import type { Become } from './become.ts';
import type { OpenChannel } from './connection.ts';
import { becomeRefused } from './errors.ts';
import { BoundedOutput, MarkedLines, UntilMarker } from './output.ts';
import { MARK, preamble } from './script.ts';
import { SessionEnded } from './session-ended.ts';

const MAX_SAID_BYTES = 64 * 1024;

/** Who a shell says it is. */
export interface Identity {
  readonly uid: number;
  readonly user: string;
}

/** What a new shell has told. */
export interface Greeting {
  readonly identity: Identity;
  /** Processes whose groups hold everything that runs in the shell. */
  readonly leaders: readonly string[];
}

interface GreetOptions {
  readonly become: Become;
  readonly key: string;
  /** Functions the shell shall know. */
  readonly functions: string;
}

/**
 * Waits until a shell is there and set up, giving the password on the way where one is asked for.
 *
 * @throws EdgeError `EDGE_SSH_SUDO_…` when the user may not be become, `EDGE_SSH_SESSION_REFUSED`; SessionEnded
 */
export function greet(
  id: string,
  open: OpenChannel<ClientChannel>,
  options: GreetOptions,
  signal: AbortSignal,
): Promise<Greeting> {
  return new Promise((resolve, reject) => new Greeter(id, open, options, signal, { resolve, reject }));
}

class Greeter {
  readonly #id: string;
  readonly #open: OpenChannel<ClientChannel>;
  readonly #options: GreetOptions;
  readonly #errors = new BoundedOutput(MAX_SAID_BYTES);
  readonly #output = new BoundedOutput(MAX_SAID_BYTES);
  readonly #marks: MarkedLines;
  readonly #untilHello: UntilMarker;
  readonly #leaders: string[] = [];
  readonly #password: Secret | undefined;
  #prompts = 0;
  #hasStarted = false;
  #isQuiet = false;
  #hello: string | undefined;
  readonly #settle: (finish: () => void) => void;
  readonly #resolve: (greeting: Greeting) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    id: string,
    open: OpenChannel<ClientChannel>,
    options: GreetOptions,
    signal: AbortSignal,
    { resolve, reject }: { resolve: (greeting: Greeting) => void; reject: (error: unknown) => void },
  ) {
    this.#id = id;
    this.#open = open;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    const { key, become } = options;
    this.#password = become.kind === 'login' ? undefined : become.password;
    this.#untilHello = new UntilMarker(`${key} ${MARK.hello} `, this.#output);
    this.#marks = new MarkedLines(key, this.#errors, (words) => this.#onMark(words));
    const { channel, lost } = open;
    const onData = (chunk: Buffer): void => this.#onStdout(chunk);
    const onErrorData = (chunk: Buffer): void => this.#onStderr(chunk);
    const onEnd = (): void => this.#onEnd();
    const onAbort = (): void => this.#settle(() => reject(cancelled(signal)));
    this.#settle = (finish) => {
      signal.removeEventListener('abort', onAbort);
      lost.removeEventListener('abort', onEnd);
      channel.off('data', onData).off('close', onEnd).off('error', onEnd);
      channel.stderr.off('data', onErrorData);
      finish();
    };
    channel.stderr.on('data', onErrorData);
    channel.on('data', onData);
    channel.on('close', onEnd);
    channel.on('error', onEnd);
    lost.addEventListener('abort', onEnd, { once: true });
    signal.addEventListener('abort', onAbort, { once: true });
    if (lost.aborted) onEnd();
    else if (become.kind === 'login') this.#setUp();
  }

  #setUp(): void {
    const { key, functions } = this.#options;
    this.#hasStarted = true;
    this.#open.channel.write(preamble(key, functions));
  }

  #onMark([word, value]: readonly string[]): boolean {
    if (word === MARK.leader && value !== undefined) this.#leaders.push(value);
    else if (word === MARK.started && !this.#hasStarted) this.#setUp();
    else if (word === 'password') this.#givePassword();
    return word === MARK.hello;
  }

  #givePassword(): void {
    this.#prompts += 1;
    if (this.#prompts === 1 && this.#password) this.#open.channel.write(`${this.#password.reveal()}\n`);
    else this.#open.channel.end();
  }

  #onStderr(chunk: Buffer): void {
    this.#marks.push(chunk);
    if (this.#marks.left !== undefined) this.#isQuiet = true;
    else if (this.#options.become.kind === 'su' && !this.#hasStarted) this.#lookForPrompt(this.#marks.heldBack);
    this.#finish();
  }

  #onStdout(chunk: Buffer): void {
    this.#hello ??= this.#untilHello.push(chunk);
    // busybox asks on stdout.
    if (this.#options.become.kind === 'su' && !this.#hasStarted) this.#lookForPrompt(chunk);
    this.#finish();
  }

  /** `su` has no prompt of our choice: the last words it says before it waits. */
  #lookForPrompt(said: Buffer): void {
    if (/password: *$/i.test(said.toString('latin1')) && this.#prompts === 0) this.#givePassword();
  }

  #finish(): void {
    if (this.#hello === undefined || !this.#isQuiet) return;
    const [pid = '', uid = '', user = ''] = this.#hello.split(' ');
    const leaders = [...this.#leaders, pid];
    this.#settle(() => this.#resolve({ identity: { uid: Number(uid), user }, leaders }));
  }

  #onEnd(): void {
    this.#marks.end();
    const { become } = this.#options;
    const said = this.#errors.bytes().toString('utf8');
    this.#settle(() => {
      if (this.#open.lost.aborted) this.#reject(new SessionEnded('the connection broke', false));
      else if (become.kind === 'login') this.#reject(noShell(this.#id, said));
      else this.#reject(becomeRefused(this.#id, become, { said, prompts: this.#prompts }));
    });
  }
}

function noShell(id: string, said: string): EdgeError {
  return new EdgeError(
    'EDGE_SSH_SESSION_REFUSED',
    `${id} starts no shell for the SSH user${said.trim() === '' ? '' : `: ${said.trim().split('\n')[0]}`}`,
    { host: id, stderr: said.slice(0, 2_000) },
    { hint: `Has the user a login shell, and does sshd of ${id} let it run commands (ForceCommand, \`nologin\`)?` },
  );
}
