import type { HostReader } from '../../../host/index.ts';
import { EdgeError } from '../../../kernel/index.ts';
import type { ServiceDefinition } from './definition.ts';

const ATTEMPT_MS = 2_000;

/** True when the service answers as its definition says; a definition without `ready` is. */
export async function isReady(host: HostReader, { name, ready }: ServiceDefinition): Promise<boolean> {
  if (ready?.tcp === undefined && ready?.http === undefined && ready?.unix === undefined) return true;
  if (host.connect === undefined)
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      `${host.id} is reached in a way that opens no connections`,
      { name },
      {
        hint: 'Take `ready` out of the definition.',
      },
    );
  return (
    (ready.unix === undefined || (await opens(host, { path: ready.unix }))) &&
    (ready.tcp === undefined || (await opens(host, tcpAddress(ready.tcp)))) &&
    (ready.http === undefined || (await answers(host, ready.http)))
  );
}

function tcpAddress(tcp: number | string): { host: string; port: number } {
  const text = String(tcp);
  const cut = text.lastIndexOf(':');
  return { host: cut === -1 ? '127.0.0.1' : text.slice(0, cut), port: Number(text.slice(cut + 1)) };
}

async function opens(host: HostReader, address: Parameters<NonNullable<HostReader['connect']>>[0]): Promise<boolean> {
  try {
    (await host.connect!(address)).destroy();
    return true;
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_HOST_UNREACHABLE') return false;
    throw error;
  }
}

async function answers(host: HostReader, url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  // Only here, because hardly a start needs it.
  const { get } = await import('node:http');
  const opening = host.connect!({ host: hostname, port: Number(port || 80) });
  const socket = await opening.catch((error: unknown) => {
    if (error instanceof EdgeError && error.code === 'EDGE_HOST_UNREACHABLE') return undefined;
    throw error;
  });
  if (socket === undefined) return false;
  return await new Promise((done) => {
    const finish = (ready: boolean): void => {
      socket.destroy();
      done(ready);
    };
    const request = get(url, { createConnection: () => socket, agent: false, timeout: ATTEMPT_MS }, (response) => {
      response.resume();
      finish((response.statusCode ?? 500) < 400);
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    // A server that is still starting may reset the connection: not ready yet.
    request.on('error', () => finish(false));
  });
}
