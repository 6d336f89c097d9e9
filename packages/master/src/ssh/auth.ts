import { readFile } from 'node:fs/promises';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';
import type { SshTarget } from './target.ts';

/** Credentials that are not in the roster. */
export interface DefaultCredentials {
  /** Socket of an ssh-agent. */
  readonly agent?: string;
  /** Keys for targets that name none; those that do not exist are skipped. */
  readonly keyFiles?: readonly string[];
}

/** A login attempt and how errors name it. */
export interface LoginAttempt {
  readonly name: string;
  readonly method: AnyAuthMethod;
}

/** Login attempts in order: key files, agent, password, keyboard-interactive. @throws EdgeError `EDGE_SSH_KEY_UNUSABLE` */
export async function loginAttempts(target: SshTarget, defaults: DefaultCredentials): Promise<readonly LoginAttempt[]> {
  const { user: username, password } = target;
  const attempts: LoginAttempt[] = [];
  const named = target.keyFiles.length > 0;
  for (const file of named ? target.keyFiles : (defaults.keyFiles ?? [])) {
    const key = await readKey(target, file, named);
    if (key) attempts.push({ name: `key ${file}`, method: { type: 'publickey', username, key } });
  }
  if (defaults.agent !== undefined) {
    attempts.push({ name: 'agent', method: { type: 'agent', username, agent: defaults.agent } });
  }
  if (password !== undefined) {
    attempts.push({ name: 'password', method: { type: 'password', username, password: password.reveal() } });
    let asked = false;
    attempts.push({
      name: 'keyboard-interactive',
      method: {
        type: 'keyboard-interactive',
        username,
        prompt: (_name, _instructions, _language, prompts, finish) => {
          // A server that asks again did not like the answer: an empty one ends the attempt.
          finish(prompts.map(({ echo }) => (echo || asked ? '' : password.reveal())));
          asked ||= prompts.length > 0;
        },
      },
    });
  }
  return attempts;
}

async function readKey(target: SshTarget, file: string, required: boolean): Promise<ParsedKey | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (!required) return undefined;
    throw unusable(target, file, errorMessage(error), 'Check `priv` in the roster and the rights of the file.');
  }
  const key = ssh2.utils.parseKey(text, target.passphrase?.reveal());
  if (!(key instanceof Error)) return Array.isArray(key) ? key[0] : key;
  const needsPassphrase = /passphrase|encrypted|integrity/i.test(key.message);
  // A default key that only its owner's passphrase opens is most likely in the agent too.
  if (!required) return undefined;
  throw unusable(
    target,
    file,
    key.message,
    needsPassphrase ? 'Set `priv_passwd` in the roster, or load the key into an agent.' : 'Is it a private key file?',
  );
}

function unusable(target: SshTarget, file: string, why: string, hint: string): EdgeError {
  return new EdgeError(
    'EDGE_SSH_KEY_UNUSABLE',
    `the private key ${file} for ${target.id} cannot be used: ${why}`,
    { host: target.id, file },
    { hint },
  );
}
