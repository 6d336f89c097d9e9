import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { Client } from 'ssh2';
import { type HandshakeContext, type HandshakeStep, openConnection, type Route } from './handshake.ts';
import { fingerprint, keyType } from './known-hosts.ts';
import type { SshHost } from './ssh-host.ts';
import { addressOf, type SshTarget } from './target.ts';

/** One step of a test login. */
export interface CheckStep {
  readonly step: 'resolve' | 'connect' | 'host-key' | 'login' | 'shell' | 'sftp' | 'sudo';
  /** `warning`: Edge can do without. */
  readonly result: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly hint?: string;
  readonly tookMs: number;
}

/** What a host is tested with. */
export interface CheckOptions {
  readonly target: SshTarget;
  readonly context: HandshakeContext;
  route(): Route;
  /** The host over the connection that jobs use. */
  host(): Promise<SshHost>;
  readonly signal?: AbortSignal;
}

const ANSWER_WITHIN_MS = 15_000;

/** Logs in on a connection of its own, step by step; ends at the first step that nothing can follow. */
export async function checkHost({ target, context, route, host, signal }: CheckOptions): Promise<readonly CheckStep[]> {
  const steps: CheckStep[] = [];
  const { clock } = context;
  let since = clock.now();
  const add = (step: CheckStep['step'], result: CheckStep['result'], detail: string, hint?: string): void => {
    const now = clock.now();
    steps.push({ step, result, detail, tookMs: now - since, ...(hint === undefined ? {} : { hint }) });
    since = now;
  };
  const addError = (step: CheckStep['step'], error: unknown): void => {
    const known = error instanceof EdgeError ? error : undefined;
    add(step, 'failed', known === undefined ? errorMessage(error) : `${known.code}: ${known.message}`, known?.hint);
  };
  const jumps = target.proxyJump.map((hop) => (typeof hop === 'string' ? hop : `${hop.user}@${addressOf(hop)}`));
  if (jumps.length === 0 && isIP(target.host) === 0) {
    try {
      add('resolve', 'ok', `${target.host} is ${(await lookup(target.host)).address}`);
    } catch (error) {
      addError('resolve', nameUnknown(target, error));
      return steps;
    }
  }
  const onStep = (step: HandshakeStep): void => {
    if (step.kind === 'connected') {
      add('connect', 'ok', `${addressOf(target)}${jumps.length === 0 ? '' : ` through ${jumps.join(', ')}`}`);
    } else if (step.kind === 'host-key') {
      const by = step.certified ? 'vouched for by an authority' : 'known';
      add('host-key', 'ok', `${keyType(step.key)} ${fingerprint(step.key)}, ${by}`);
    } else add('login', 'ok', `${target.user} by ${step.by}`);
  };
  let client: Client;
  try {
    client = await openConnection(target, { ...context, onStep }, route(), signal);
  } catch (error) {
    addError(failedStep(steps, error), error);
    return steps;
  }
  try {
    await checkShell(client, add);
    await checkSftp(client, add);
  } finally {
    client.end();
  }
  if (steps.every(({ result }) => result !== 'failed')) {
    try {
      const { stdout } = await (await host()).probe(['id', '-un']);
      const name = stdout.trim();
      const wanted = target.sudo ? target.sudoUser : target.user;
      if (target.sudo) add('sudo', name === wanted ? 'ok' : 'failed', `commands run as ${name}`);
    } catch (error) {
      addError(target.sudo ? 'sudo' : 'shell', error);
    }
  }
  return steps;
}

type Add = (step: CheckStep['step'], result: CheckStep['result'], detail: string, hint?: string) => void;

/** The step that a failed connection failed at. */
function failedStep(steps: readonly CheckStep[], error: unknown): CheckStep['step'] {
  const code = error instanceof EdgeError ? error.code : '';
  if (code.includes('_HOST_KEY_')) return 'host-key';
  if (code === 'EDGE_SSH_AUTH_FAILED' || code === 'EDGE_SSH_KEY_UNUSABLE') return 'login';
  return steps.some(({ step }) => step === 'host-key')
    ? 'login'
    : steps.some(({ step }) => step === 'connect')
      ? 'host-key'
      : 'connect';
}

function checkShell(client: Client, add: Add): Promise<void> {
  const hint = 'Look at the login shell of the user, and at ForceCommand in sshd_config.';
  return within(
    (done) => {
      client.exec("sh -c 'echo edge:$0:$(uname -s)' sh", (error, channel) => {
        if (error !== undefined) {
          add('shell', 'failed', error.message, hint);
          return done();
        }
        let output = '';
        channel.on('data', (chunk: Buffer) => {
          output = `${output}${chunk.toString()}`.slice(-2_000);
        });
        channel.stderr.resume();
        channel.on('close', () => {
          const system = /^edge:sh:(.*)$/m.exec(output)?.[1];
          if (system === undefined) add('shell', 'failed', `sh answers ${JSON.stringify(output.slice(0, 200))}`, hint);
          else if (output.trim() === `edge:sh:${system}`) add('shell', 'ok', `sh on ${system}`);
          else
            add(
              'shell',
              'warning',
              'the login shell prints something of its own',
              'Edge cuts it off; see its start files.',
            );
          done();
        });
      });
    },
    () => add('shell', 'failed', `no answer within ${ANSWER_WITHIN_MS} ms`, hint),
  );
}

function checkSftp(client: Client, add: Add): Promise<void> {
  const hint = 'Files go through the shell instead. Faster: `Subsystem sftp internal-sftp` in sshd_config.';
  return within(
    (done) => {
      client.sftp((error, sftp) => {
        if (error === undefined) add('sftp', 'ok', 'the subsystem answers');
        else add('sftp', 'warning', error.message, hint);
        if (error === undefined) sftp.end();
        done();
      });
    },
    () => add('sftp', 'warning', `no answer within ${ANSWER_WITHIN_MS} ms`, hint),
  );
}

function within(start: (done: () => void) => void, late: () => void): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false;
    const end = (): void => {
      if (!isOver) clearTimeout(timer);
      isOver = true;
      resolve();
    };
    const timer = setTimeout(() => {
      late();
      end();
    }, ANSWER_WITHIN_MS);
    start(end);
  });
}

function nameUnknown(target: SshTarget, error: unknown): EdgeError {
  return new EdgeError(
    'EDGE_SSH_NAME_UNKNOWN',
    `${target.id} (${addressOf(target)}) has a name nobody can resolve`,
    { host: target.id },
    { cause: error, hint: `Check \`host\` in the roster, and \`getent hosts ${target.host}\` on the master.` },
  );
}
