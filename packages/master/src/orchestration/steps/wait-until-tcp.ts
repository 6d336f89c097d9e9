import { connect } from 'node:net';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import { waitUntilTcpStep } from '@edge-run/shared/protocol';
import { defineStep } from '../step-kind.ts';
import { type Look, waitUntil, wouldWait } from './waiting.ts';

/** Connects to a port, from the master, until somebody accepts. */
export const waitUntilTcp = defineStep({
  ...waitUntilTcpStep,

  async plan(args) {
    const { host, port } = addressOf(args);
    return wouldWait(`somebody accepts connections at ${host}:${port}`);
  },

  async run(args, ctx) {
    const { host, port } = addressOf(args);
    const { clock } = ctx.ports;
    const look = async (): Promise<Look> => {
      const from = clock.now();
      const problem = await knock(host, port, args.timeout * 1000, ctx.signal);
      return { isGood: problem === undefined, seen: problem ?? `accepted in ${clock.now() - from} ms` };
    };
    return (await waitUntil(args, `${host}:${port}`, look, ctx)).answer;
  },
});

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for an address without a host or a port */
function addressOf(args: { name: string; host?: string | undefined; port?: number | undefined }): {
  host: string;
  port: number;
} {
  const match = /^\[?([^\]]*?)\]?:(\d+)$/.exec(args.name);
  const host = args.host ?? (args.port === undefined ? match?.[1] : args.name);
  const port = args.port ?? Number(match?.[2]);
  if (host !== undefined && host !== '' && port >= 1 && port <= 65_535) return { host, port };
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `\`${args.name}\` is no \`host:port\``,
    { name: args.name },
    { hint: 'Write `- name: 192.0.2.20:5432`, or give `host` and `port`.' },
  );
}

/** Why nobody accepts; undefined when somebody does. */
function knock(host: string, port: number, withinMs: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (problem?: string): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(problem);
    };
    const onAbort = (): void => end('cancelled');
    signal.addEventListener('abort', onAbort, { once: true });
    socket.setTimeout(withinMs, () => end(`nobody answered within ${withinMs} ms`));
    socket.once('connect', () => end());
    socket.once('error', (error) => end(errorMessage(error)));
    if (signal.aborted) onAbort();
  });
}
