import { EdgeError, errorMessage } from '../../kernel/index.ts';

/** The question that got no answer. */
export interface FailedQuestion {
  readonly method: string;
  /** As `shownAddress` answers it. */
  readonly address: string;
}

interface Explanation {
  readonly what: string;
  readonly hint: string;
}

const REFUSED: Explanation = {
  what: 'the connection was refused',
  hint: 'Check that the service runs, and that it listens on this address and port.',
};
const NO_NAME: Explanation = {
  what: 'the name was not found',
  hint: 'Check the name, and which names the host that asks can look up.',
};
const NO_WAY: Explanation = {
  what: 'nobody answers at this address',
  hint: 'Check the address, and firewalls between it and the host that asks.',
};
const CLOSED: Explanation = {
  what: 'the connection was closed before the answer was complete',
  hint: 'Look at the log of the service. A port that expects https:// ends http:// so.',
};
const NO_HTTP: Explanation = { what: 'what answers there does not speak HTTP', hint: 'Check the port.' };
const NO_TLS: Explanation = { what: 'what answers there does not speak TLS', hint: 'Is the address http:// there?' };
const WANTS_CERTIFICATE: Explanation = {
  what: 'the server does not take the certificate of who asks',
  hint: 'Name one that it knows with `cert`.',
};
const TRUST_HINT =
  'Name the certificates to trust with `ca_bundle`; `verify_ssl: False` takes any certificate, and with it anybody.';

/** A url as it may be shown: without user, password and query, where keys travel. */
export function shownAddress(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@?#]*@/i, '$1').replace(/\?.*$/s, '?…');
}

/** One error that says why a question got no answer, and what to do about it. */
export function httpFailure(error: unknown, { method, address }: FailedQuestion): EdgeError {
  const chain = causesOf(error);
  const known = chain.map(explanationOf).find((one) => one !== undefined);
  // A host that opens the connection itself says more than the library that asked it to.
  const told = chain.find((one) => one instanceof EdgeError);
  const last = chain.filter(({ message }) => message !== '').at(-1);
  const what = told?.message ?? known?.what ?? (last === undefined ? errorMessage(error) : last.message);
  const hint = known?.hint ?? told?.hint ?? 'Check the address and that the service runs.';
  return new EdgeError(
    'EDGE_HOST_UNREACHABLE',
    `${method} ${address}: ${what}`,
    { url: address },
    { hint, cause: error },
  );
}

/** The error and what it came of, outermost first; of several that were tried side by side, the first. */
function causesOf(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  let current: unknown = error;
  while (current instanceof Error && !chain.includes(current)) {
    chain.push(current);
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return chain;
}

function explanationOf(error: Error): Explanation | undefined {
  const { code } = error as { code?: unknown };
  if (error.message === 'bad port')
    return { what: 'this port is kept for another protocol', hint: 'Let the service listen on another port.' };
  return typeof code === 'string' ? byCode(code, error.message) : undefined;
}

function byCode(code: string, message: string): Explanation | undefined {
  switch (code) {
    case 'ECONNREFUSED':
      return REFUSED;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return NO_NAME;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return NO_WAY;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return CLOSED;
  }
  if (code.startsWith('HPE_')) return NO_HTTP;
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(code) || /wrong version|packet length/.test(message))
    return NO_TLS;
  if (/ALERT_(?:BAD_)?CERTIFICATE|ALERT_UNKNOWN_CA|HANDSHAKE_FAILURE/.test(code)) return WANTS_CERTIFICATE;
  if (/CERT|SIGNATURE|^ERR_TLS|^ERR_SSL/.test(code))
    return { what: `the certificate is not good: ${message}`, hint: TRUST_HINT };
  return undefined;
}
