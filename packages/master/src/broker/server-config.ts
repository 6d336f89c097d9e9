/** What the managed server trusts. */
export interface BrokerTrust {
  readonly operatorJwt: string;
  readonly systemAccount: string;
  /** Public key of an account → its JWT as of now. */
  readonly accounts: ReadonlyMap<string, string>;
}

/** What the configuration file of a nats-server is written from. */
export interface ServerConfig {
  readonly name: string;
  readonly host: string;
  /** -1: the kernel chooses. */
  readonly port: number;
  readonly directory: string;
  /** Absent: anybody may connect and do everything. For tests and machines of one person. */
  readonly trust?: BrokerTrust;
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile?: string };
  readonly websocket?: {
    readonly host: string;
    readonly port: number;
    readonly tls?: { readonly certFile: string; readonly keyFile: string };
  };
  readonly maxPayloadBytes: number;
}

/** The text of nats-server's configuration; works from 2.9 on. */
export function formatServerConfig(config: ServerConfig): string {
  const { directory, trust, tls, websocket } = config;
  const lines = [
    `server_name: ${quote(config.name)}`,
    `listen: ${quote(`${config.host}:${config.port}`)}`,
    `ports_file_dir: ${quote(`${directory}/ports`)}`,
    `log_file: ${quote(`${directory}/nats-server.log`)}`,
    'logfile_size_limit: 10MB',
    `max_payload: ${config.maxPayloadBytes}`,
    // A host that vanished without closing its connection is noticed after two of these.
    'ping_interval: "5s"',
    'ping_max: 2',
    `jetstream { store_dir: ${quote(`${directory}/jetstream`)} }`,
  ];
  if (tls !== undefined) lines.push(`tls ${tlsBlock(tls)}`);
  if (websocket !== undefined) {
    const security = websocket.tls === undefined ? 'no_tls: true' : `tls ${tlsBlock(websocket.tls)}`;
    lines.push(`websocket { listen: ${quote(`${websocket.host}:${websocket.port}`)}, ${security} }`);
  }
  if (trust !== undefined) {
    lines.push(
      `operator: ${quote(trust.operatorJwt)}`,
      `system_account: ${trust.systemAccount}`,
      `resolver { type: full, dir: ${quote(`${directory}/accounts`)}, allow_delete: false, interval: "2m", limit: 1000 }`,
      'resolver_preload {',
      ...[...trust.accounts].map(([account, jwt]) => `  ${account}: ${quote(jwt)}`),
      '}',
    );
  }
  return `${lines.join('\n')}\n`;
}

function tlsBlock(tls: { readonly certFile: string; readonly keyFile: string; readonly caFile?: string }): string {
  const ca = tls.caFile === undefined ? '' : `, ca_file: ${quote(tls.caFile)}`;
  return `{ cert_file: ${quote(tls.certFile)}, key_file: ${quote(tls.keyFile)}${ca} }`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
