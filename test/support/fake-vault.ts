import { WebServer } from './web-server.ts';

/**
 * A server with the answers of Vault's HTTP API (https://developer.hashicorp.com/vault/api-docs): two key/value engines,
 * `secret/` of version 2 and `old/` of version 1, login by role, tokens that can be revoked.
 */
export class FakeVault {
  readonly web: WebServer;
  readonly tokens = new Set(['root-token']);
  logins = 0;

  private constructor(web: WebServer) {
    this.web = web;
  }

  get url(): string {
    return this.web.url;
  }

  /** `secrets`: path with its mount → data. */
  static async start(secrets: Readonly<Record<string, object>>): Promise<FakeVault> {
    const web = await WebServer.start((request, response, body) => {
      const send = (status: number, json: object): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      };
      const path = decodeURIComponent(request.url!.replace('/v1/', ''));
      if (path === 'auth/approle/login') {
        const { role_id, secret_id } = JSON.parse(body) as { role_id: string; secret_id: string };
        if (role_id !== 'edge' || secret_id !== 'sid') return send(400, { errors: ['invalid role or secret ID'] });
        vault.logins += 1;
        vault.tokens.add(`token-${vault.logins}`);
        return send(200, { auth: { client_token: `token-${vault.logins}`, lease_duration: 3_600 } });
      }
      if (!vault.tokens.has(String(request.headers['x-vault-token'])))
        return send(403, { errors: ['permission denied'] });
      if (path.startsWith('sys/internal/ui/mounts/')) {
        const mount = path.split('/')[4];
        if (mount === 'secret') return send(200, mounted('secret/', '2'));
        if (mount === 'old') return send(200, mounted('old/', '1'));
        return send(403, { errors: [`preflight capability check returned 403 for ${mount}`] });
      }
      const data = secrets[path.replace(/^secret\/data\//, 'secret/')];
      if (data === undefined || path.startsWith('secret/') !== path.startsWith('secret/data/'))
        return send(404, { errors: [] });
      return send(200, path.startsWith('secret/') ? { data: { data, metadata: { version: 1 } } } : { data });
    });
    const vault = new FakeVault(web);
    return vault;
  }
}

function mounted(path: string, version: string): object {
  return { data: { path, type: 'kv', options: { version } } };
}
