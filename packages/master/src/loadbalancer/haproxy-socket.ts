import { connect } from 'node:net';
import { cancelled, deadline, EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { HaproxyProcess } from './haproxy.ts';

/** Where a runtime API listens on this machine or the network. */
export type HaproxySocketAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** An answer never gets this long; more means that something else listens there. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** The runtime API on a unix or TCP socket: one connection per command, closed by HAProxy after the answer. */
export function haproxySocket(address: HaproxySocketAddress, timeoutMs = 10_000): HaproxyProcess {
  const name = 'path' in address ? address.path : `${address.host}:${address.port}`;
  return { name, command: (text, signal) => ask(address, name, text, timeoutMs, signal) };
}

function ask(
  address: HaproxySocketAddress,
  name: string,
  text: string,
  timeoutMs: number,
  parent: AbortSignal | undefined,
): Promise<string> {
  const { signal, dispose } = deadline(timeoutMs, `\`${text}\` on ${name}`, parent);
  const answer = new Promise<string>((resolve, reject) => {
    if (signal.aborted) return reject(cancelled(signal));
    const socket = connect(address);
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const onAbort = (): void => void socket.destroy(cancelled(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_ANSWER_BYTES) socket.destroy(new Error(`more than ${MAX_ANSWER_BYTES} bytes`));
      else chunks.push(chunk);
    });
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    socket.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(name, error)));
    socket.on('close', () => signal.removeEventListener('abort', onAbort));
    socket.write(`${text}\n`);
  });
  return answer.finally(dispose);
}

function unreachable(name: string, error: NodeJS.ErrnoException): EdgeError {
  if (error instanceof EdgeError && error.code !== 'EDGE_DEADLINE') return error;
  const missing = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
  return new EdgeError(
    'EDGE_LB_UNREACHABLE',
    `the HAProxy runtime socket ${name} did not answer: ${errorMessage(error)}`,
    { socket: name, ...(error.code === undefined ? {} : { reason: error.code }) },
    {
      cause: error,
      hint: missing
        ? `Is HAProxy running, and does its configuration say \`stats socket ${name} level admin\`?`
        : `Try \`show info\` on ${name} by hand, as the user Edge runs as.`,
    },
  );
}
