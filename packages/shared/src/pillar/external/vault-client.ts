import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { loadJson } from '../../render/index.ts';
import { PyMap, traverse, type Value } from '../../values/index.ts';
import { getText } from './http.ts';

/** The `vault` section of the configuration, in the words of Salt 3006. */
export const vaultServer = z.strictObject({
  url: z.string().describe('Address of the server: https://vault:8200.'),
  namespace: z.string().optional().describe('Namespace of Vault Enterprise.'),
  auth: z
    .discriminatedUnion('method', [
      z.strictObject({ method: z.literal('token'), token: z.string().describe('The token.') }),
      z.strictObject({
        method: z.literal('approle'),
        role_id: z.string().describe('Id of the role.'),
        secret_id: z.string().optional().describe('Secret id, where the role wants one.'),
        mount: z.string().default('approle').describe('Where the method is mounted.'),
      }),
    ])
    .describe('How the master logs in.'),
});
export type VaultServer = z.output<typeof vaultServer>;

/** A token that ends this much later is still used. */
const MARGIN_MS = 10_000;

interface Mount {
  /** With a slash at its end. */
  readonly path: string;
  readonly version: 1 | 2;
}

/** Reads secrets of a key/value engine over Vault's HTTP API. One of it is one login. */
export class VaultClient {
  readonly #server: VaultServer;
  readonly #mounts = new Map<string, Mount>();
  #login: Promise<{ readonly token: string; readonly until: number }> | undefined;

  constructor(server: VaultServer) {
    this.#server = server;
  }

  /** The secret at a path such as `secret/web/db`; undefined where there is none. @throws EdgeError with Vault's reason */
  async read(path: string, signal: AbortSignal): Promise<PyMap | undefined> {
    const mount = await this.#mountOf(path, signal);
    const below = path.slice(mount.path.length);
    const place = mount.version === 2 ? `${mount.path}data/${below}` : path;
    const { status, json } = await this.#get(place, signal);
    if (status === 404) return undefined;
    if (status !== 200) throw this.#refused(place, status, json);
    const data = traverse(json, mount.version === 2 ? 'data:data' : 'data');
    if (data instanceof PyMap) return data;
    // A version that was deleted is there, and holds nothing.
    return undefined;
  }

  async #mountOf(path: string, signal: AbortSignal): Promise<Mount> {
    for (const known of this.#mounts.values()) if (path.startsWith(known.path)) return known;
    const place = `sys/internal/ui/mounts/${path}`;
    const { status, json } = await this.#get(place, signal);
    if (status !== 200) throw this.#refused(place, status, json);
    const [mountPath, kind, version] = ['data:path', 'data:type', 'data:options:version'].map((at) =>
      traverse(json, at),
    );
    if (typeof mountPath !== 'string' || (kind !== 'kv' && kind !== 'generic')) {
      throw new EdgeError('EDGE_PILLAR_SOURCE_FAILED', `${path} of ${this.#server.url} is no key/value engine`, {
        path,
      });
    }
    const mount: Mount = { path: mountPath, version: String(version) === '2' ? 2 : 1 };
    this.#mounts.set(mount.path, mount);
    return mount;
  }

  async #get(path: string, signal: AbortSignal): Promise<{ status: number; json: Value }> {
    const { token } = await this.#loggedIn(signal);
    const answer = await this.#ask(path, { headers: { 'x-vault-token': token }, signal });
    if (answer.status !== 403 || this.#server.auth.method === 'token') return answer;
    // The token may have been revoked before its time.
    this.#login = undefined;
    const again = await this.#loggedIn(signal);
    return this.#ask(path, { headers: { 'x-vault-token': again.token }, signal });
  }

  async #loggedIn(signal: AbortSignal): Promise<{ readonly token: string; readonly until: number }> {
    const known = await this.#login?.catch(() => undefined);
    if (known !== undefined && known.until > Date.now() + MARGIN_MS) return known;
    const login = this.#logIn(signal);
    this.#login = login;
    login.catch(() => {
      if (this.#login === login) this.#login = undefined;
    });
    return login;
  }

  async #logIn(signal: AbortSignal): Promise<{ readonly token: string; readonly until: number }> {
    const { auth } = this.#server;
    if (auth.method === 'token') return { token: auth.token, until: Number.POSITIVE_INFINITY };
    const place = `auth/${auth.mount}/login`;
    const body = JSON.stringify({ role_id: auth.role_id, secret_id: auth.secret_id });
    const { status, json } = await this.#ask(place, { method: 'POST', body, signal });
    const token = traverse(json, 'auth:client_token');
    if (status !== 200 || typeof token !== 'string') throw this.#refused(place, status, json);
    const seconds = Number(traverse(json, 'auth:lease_duration') ?? 0);
    return { token, until: seconds === 0 ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000 };
  }

  async #ask(
    path: string,
    { headers, ...init }: { headers?: Record<string, string>; method?: string; body?: string; signal: AbortSignal },
  ): Promise<{ status: number; json: Value }> {
    const { url, namespace } = this.#server;
    const address = `${url.replace(/\/+$/, '')}/v1/${path}`;
    const { status, body } = await getText(address, {
      ...init,
      headers: {
        'x-vault-request': 'true',
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
        ...headers,
      },
    });
    try {
      return { status, json: body.trim() === '' ? null : loadJson(body) };
    } catch {
      // What it said may hold secrets: only that it is not Vault's JSON is told.
      throw new EdgeError('EDGE_PILLAR_SOURCE_FAILED', `${address} answered ${status}, and not in JSON`, { status });
    }
  }

  #refused(path: string, status: number, json: Value): EdgeError {
    const errors = traverse(json, 'errors');
    const reason = Array.isArray(errors) && errors.length > 0 ? `: ${errors.map(String).join('; ')}` : '';
    return new EdgeError(
      'EDGE_PILLAR_SOURCE_FAILED',
      `Vault at ${this.#server.url} answered ${status} for ${path}${reason}`,
      { path, status },
      status === 403 ? { hint: 'Give the role or token of the master a policy that may read that path.' } : {},
    );
  }
}
