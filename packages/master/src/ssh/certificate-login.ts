import { sign } from 'node:crypto';
import { EdgeError } from '@edge-run/shared/kernel';
import ssh2, {
  type BaseAgent,
  type Client,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import type { Certificate } from './certificates.ts';
import { ecdsaFromDer, wireString } from './wire.ts';

/** Signs with the private key of a certificate; the signature is as SSH writes it. */
export type CertificateSigner = (data: Buffer, hash: string | undefined) => Promise<Buffer>;

/**
 * Logs in with an OpenSSH certificate. ssh2 offers it as it would a key of an agent; but it names the signature by the
 * type of the certificate, where OpenSSH wants that of the key, so the signed request is written here.
 */
export class CertificateAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #certificate: Certificate;
  readonly #publicKey: ParsedKey;
  readonly #signer: CertificateSigner;
  readonly #client: () => Client;

  constructor(certificate: Certificate, signer: CertificateSigner, client: () => Client) {
    super();
    this.#certificate = certificate;
    this.#signer = signer;
    this.#client = client;
    const plain = ssh2.utils.parseKey(certificate.plainKey);
    if (plain instanceof Error) throw plain;
    this.#publicKey = Object.create(plain, {
      type: { value: offeredType(certificate) },
      getPublicSSH: { value: () => certificate.blob },
    }) as ParsedKey;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(undefined, [this.#publicKey]);
  }

  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done: SignCallback | undefined = typeof options === 'function' ? options : undefined,
  ): void {
    const { plainType } = this.#certificate;
    const isRsa = plainType === 'ssh-rsa';
    this.#signer(data, hashOf(plainType)).then(
      (value) => {
        const signature = Buffer.concat([wireString(isRsa ? 'rsa-sha2-512' : plainType), wireString(value)]);
        // What is signed is the session's id and the request itself (RFC 4252, 7).
        const request = data.subarray(4 + data.readUInt32BE(0));
        sendRequest(this.#client(), Buffer.concat([request, wireString(signature)]));
      },
      (error: Error) => done?.(error),
    );
  }
}

/** Signs with a private key of our own. */
export function keySigner(key: ParsedKey): CertificateSigner {
  return async (data, hash) => {
    const signature = sign(hash, data, key.getPrivatePEM());
    return key.type.startsWith('ecdsa-') ? ecdsaFromDer(signature) : signature;
  };
}

/** Signs with a key that an agent has. */
export function agentSigner(agent: BaseAgent, certificate: Certificate): CertificateSigner {
  const key = ssh2.utils.parseKey(certificate.plainKey);
  return (data, hash) =>
    new Promise((resolve, reject) => {
      if (key instanceof Error) return reject(key);
      const options = (hash === undefined ? {} : { hash }) as SigningRequestOptions;
      agent.sign(key, data, options, (error, signature) => {
        if (signature === undefined) reject(error ?? new Error('the agent does not sign'));
        else resolve(Buffer.from(signature));
      });
    });
}

function offeredType({ type, plainType }: Certificate): string {
  return plainType === 'ssh-rsa' ? 'rsa-sha2-512-cert-v01@openssh.com' : type;
}

function hashOf(plainType: string): string | undefined {
  switch (plainType) {
    case 'ssh-ed25519':
      return undefined;
    case 'ecdsa-sha2-nistp256':
      return 'sha256';
    case 'ecdsa-sha2-nistp384':
      return 'sha384';
    default:
      return 'sha512';
  }
}

/** The part of ssh2 that nobody promises: what writes a packet, and what knows which answers are awaited. */
interface Protocol {
  readonly _authsQueue: string[];
  readonly _cipher: { encrypt(packet: Buffer): void };
  readonly _packetRW: {
    readonly write: { readonly allocStart: number; alloc(size: number): Buffer; finalize(packet: Buffer): Buffer };
  };
}

function sendRequest(client: Client, payload: Buffer): void {
  const protocol = (client as unknown as { readonly _protocol?: Partial<Protocol> })._protocol;
  if (protocol?._authsQueue === undefined || protocol._cipher === undefined || protocol._packetRW === undefined) {
    throw new EdgeError('EDGE_INTERNAL', 'this version of ssh2 cannot be made to log in with a certificate');
  }
  const { write } = protocol._packetRW;
  const packet = write.alloc(payload.length);
  payload.copy(packet, write.allocStart);
  protocol._authsQueue.push('publickey');
  protocol._cipher.encrypt(write.finalize(packet));
}
