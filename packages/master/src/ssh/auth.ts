import { readFile } from 'node:fs/promises';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import ssh2, { type AnyAuthMethod, type BaseAgent, type Client, type ParsedKey } from 'ssh2';
import { agentKeys, NarrowedAgent } from './agent-keys.ts';
import { agentSigner, CertificateAgent, type CertificateSigner, keySigner } from './certificate-login.ts';
import { type Certificate, parseCertificateFile } from './certificates.ts';
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
  /** `client`: the connection it is for. */
  method(client: Client): AnyAuthMethod;
}

interface UsableKey {
  readonly file: string;
  readonly key: ParsedKey;
}

/**
 * Login attempts in order: key files, each after its certificates, certificates of keys the agent has, the agent,
 * password, keyboard-interactive. @throws EdgeError `EDGE_SSH_KEY_UNUSABLE`
 */
export async function loginAttempts(target: SshTarget, defaults: DefaultCredentials): Promise<readonly LoginAttempt[]> {
  const named = target.keyFiles.length > 0;
  const files = named ? target.keyFiles : (defaults.keyFiles ?? []);
  const agent = agentOf(target, defaults);
  const keys: UsableKey[] = [];
  const publicOnly: Buffer[] = [];
  for (const file of files) {
    const publicKey = await readPublicKey(file);
    const isInAgent = agent !== undefined && publicKey !== undefined;
    const key = await readKey(target, file, named && !isInAgent);
    if (key !== undefined) keys.push({ file, key });
    else if (publicKey !== undefined) publicOnly.push(publicKey);
  }
  const certificates = await readCertificates(target, files);
  return [
    ...keys.flatMap((key) => [...certificatesOf(key, certificates, target), plainKey(key, target)]),
    ...(agent === undefined ? [] : await agentAttempts(agent, { target, keys, certificates, publicOnly })),
    ...passwordAttempts(target),
  ];
}

function agentOf({ agentSocket }: SshTarget, { agent }: DefaultCredentials): BaseAgent | undefined {
  const socket = agentSocket ?? agent;
  return socket === undefined || socket === '' || socket === 'none' ? undefined : ssh2.createAgent(socket);
}

function plainKey({ file, key }: UsableKey, { user: username }: SshTarget): LoginAttempt {
  return { name: `key ${file}`, method: () => ({ type: 'publickey', username, key }) };
}

interface NamedCertificate {
  readonly file: string;
  readonly certificate: Certificate;
}

function certificatesOf(
  { key }: UsableKey,
  certificates: readonly NamedCertificate[],
  target: SshTarget,
): readonly LoginAttempt[] {
  return certificates
    .filter(({ certificate }) => certificate.plainKey.equals(key.getPublicSSH()))
    .map((certificate) => certificateAttempt(certificate, keySigner(key), target));
}

function certificateAttempt(
  { file, certificate }: NamedCertificate,
  signer: CertificateSigner,
  { user: username }: SshTarget,
): LoginAttempt {
  const isOver = certificate.validUntil < Date.now();
  const until = isOver ? ` (valid until ${new Date(certificate.validUntil).toISOString()})` : '';
  return {
    name: `certificate ${file}${until}`,
    method: (client) => ({ type: 'agent', username, agent: new CertificateAgent(certificate, signer, () => client) }),
  };
}

async function agentAttempts(
  agent: BaseAgent,
  {
    target,
    keys,
    certificates,
    publicOnly,
  }: {
    readonly target: SshTarget;
    readonly keys: readonly UsableKey[];
    readonly certificates: readonly NamedCertificate[];
    readonly publicOnly: readonly Buffer[];
  },
): Promise<readonly LoginAttempt[]> {
  const { user: username, identitiesOnly } = target;
  const rest = certificates.filter(
    ({ certificate }) => !keys.some(({ key }) => certificate.plainKey.equals(key.getPublicSSH())),
  );
  const attempts: LoginAttempt[] = [];
  if (rest.length > 0) {
    // An agent that is gone is noticed, and named, when its keys are asked for below.
    const known = await agentKeys(agent).catch((): ParsedKey[] => []);
    for (const certificate of rest) {
      if (!known.some((key) => certificate.certificate.plainKey.equals(key.getPublicSSH()))) continue;
      attempts.push(certificateAttempt(certificate, agentSigner(agent, certificate.certificate), target));
    }
  }
  const offered = identitiesOnly ? new NarrowedAgent(agent, publicOnly) : agent;
  attempts.push({ name: 'agent', method: () => ({ type: 'agent', username, agent: offered }) });
  return attempts;
}

function passwordAttempts({ user: username, password }: SshTarget): readonly LoginAttempt[] {
  if (password === undefined) return [];
  return [
    { name: 'password', method: () => ({ type: 'password', username, password: password.reveal() }) },
    {
      name: 'keyboard-interactive',
      method: () => {
        let asked = false;
        return {
          type: 'keyboard-interactive',
          username,
          prompt: (_name, _instructions, _language, prompts, finish) => {
            // A server that asks again did not like the answer: an empty one ends the attempt.
            finish(prompts.map(({ echo }) => (echo || asked ? '' : password.reveal())));
            asked ||= prompts.length > 0;
          },
        };
      },
    },
  ];
}

/** Certificates that are named, and those beside key files, as ssh finds them. @throws EdgeError `EDGE_SSH_KEY_UNUSABLE` */
async function readCertificates(target: SshTarget, keyFiles: readonly string[]): Promise<readonly NamedCertificate[]> {
  const found: NamedCertificate[] = [];
  const beside = keyFiles.map((file) => `${file}-cert.pub`).filter((file) => !target.certificateFiles.includes(file));
  for (const file of [...target.certificateFiles, ...beside]) {
    const isNamed = target.certificateFiles.includes(file);
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (!isNamed) return undefined;
      throw unusable(
        target,
        file,
        errorMessage(error),
        'Check `certificate` in the roster and the rights of the file.',
      );
    });
    if (text === undefined) continue;
    const certificate = parseCertificateFile(text);
    if (certificate?.kind === 'user') found.push({ file, certificate });
    else if (isNamed) {
      const why = certificate === undefined ? 'it is no OpenSSH certificate' : 'it is a certificate of a host';
      throw unusable(target, file, why, 'Sign the key with: ssh-keygen -s CA -I NAME -n USER KEY.pub');
    }
  }
  return found;
}

async function readPublicKey(file: string): Promise<Buffer | undefined> {
  const text = await readFile(`${file}.pub`, 'utf8').catch(() => undefined);
  const key = text === undefined ? undefined : ssh2.utils.parseKey(text);
  return key === undefined || key instanceof Error ? undefined : key.getPublicSSH();
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
  // A key that only its owner's passphrase opens is most likely in the agent too.
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
    `the key file ${file} for ${target.id} cannot be used: ${why}`,
    { host: target.id, file },
    { hint },
  );
}
