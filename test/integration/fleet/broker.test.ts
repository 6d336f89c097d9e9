import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ManagedBroker, startBroker } from '@edge-run/master/broker';
import { connectNatsBus } from '@edge-run/shared/bus';
import { silentLogger } from '@edge-run/shared/kernel';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, expect, test } from 'vitest';

let directory: string;
let broker: ManagedBroker | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'edge-broker-'));
});
afterEach(async () => {
  await broker?.stop();
  broker = undefined;
  await rm(directory, { recursive: true, force: true });
});

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

test('it comes back on the same port after a kill, with everything stored', async () => {
  broker = await startBroker({ directory });
  const { url, pid } = broker;
  const bus = await connectNatsBus({ servers: [url], name: 't', inboxPrefix: '_INBOX.t' });
  const manager = await jetstreamManager(bus.connection);
  await manager.streams.add({ name: 'S', subjects: ['s'] });
  await jetstream(bus.connection).publish('s', 'kept');
  process.kill(pid!, 'SIGKILL');
  await expect.poll(() => broker!.pid).not.toBe(pid);
  expect(broker.url).toBe(url);
  await expect
    .poll(() =>
      manager.streams.info('S').then(
        ({ state }) => state.messages,
        () => -1,
      ),
    )
    .toBe(1);
  await bus.close();
});

test('however often it dies, it is started again', async () => {
  broker = await startBroker({ directory });
  for (let death = 0; death < 7; death += 1) {
    const { pid } = broker;
    process.kill(pid!, 'SIGKILL');
    await expect.poll(() => broker!.pid, { timeout: 10_000 }).not.toBe(pid);
    const { port } = new URL(broker.url);
    await expect.poll(() => isListening(Number(port)), { timeout: 10_000 }).toBe(true);
  }
});

test('a server that cannot start again is tried until it can', async () => {
  const errors: string[] = [];
  const log = { ...silentLogger, error: (text: string) => void errors.push(text) };
  broker = await startBroker({ directory, log });
  const { pid, url } = broker;
  await rename(join(directory, 'jetstream'), join(directory, 'kept'));
  await writeFile(join(directory, 'jetstream'), 'in the way');
  process.kill(pid!, 'SIGKILL');
  await expect.poll(() => errors.filter((line) => line.includes('did not start again')).length).toBeGreaterThan(1);
  await rm(join(directory, 'jetstream'));
  await rename(join(directory, 'kept'), join(directory, 'jetstream'));
  await expect.poll(() => isListening(Number(new URL(url).port)), { timeout: 10_000 }).toBe(true);
});

test('a taken port is named', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await expect(startBroker({ directory, port })).rejects.toMatchObject({
    code: 'EDGE_BROKER_PORT_TAKEN',
    message: expect.stringContaining(String(port)),
  });
  server.close();
});

test('a second server on one store is refused', async () => {
  broker = await startBroker({ directory });
  await expect(startBroker({ directory })).rejects.toMatchObject({ code: 'EDGE_BROKER_STORE_LOCKED' });
});

test('the server of a master that was killed is replaced', async () => {
  broker = await startBroker({ directory });
  const orphan = broker.pid!;
  const dead = spawn('true');
  await once(dead, 'exit');
  const claim = join(directory, 'claim.json');
  expect(JSON.parse(await readFile(claim, 'utf8'))).toEqual({ master: process.pid, server: orphan });
  await writeFile(claim, JSON.stringify({ master: dead.pid, server: orphan }));
  const next = await startBroker({ directory });
  expect(alive(orphan)).toBe(false);
  expect(next.pid).not.toBe(orphan);
  await next.stop();
});

test('so is one whose master was killed before it could say that it has one', async () => {
  broker = await startBroker({ directory });
  const orphan = broker.pid!;
  const dead = spawn('true');
  await once(dead, 'exit');
  await writeFile(join(directory, 'claim.json'), JSON.stringify({ master: dead.pid }));
  const next = await startBroker({ directory });
  expect(alive(orphan)).toBe(false);
  await next.stop();
});

test('stopped while it is started again, it leaves no process behind', async () => {
  const pids: number[] = [];
  for (let delay = 0; delay < 5; delay += 1) {
    const one = await startBroker({ directory });
    process.kill(one.pid!, 'SIGKILL');
    await expect.poll(() => alive(one.pid!), { interval: 1 }).toBe(false);
    for (let turn = 0; turn < delay; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await one.stop();
    pids.push(one.pid!);
  }
  await expect.poll(() => pids.filter(alive)).toEqual([]);
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args=']);
  expect(stdout.split('\n').filter((line) => line.includes(directory))).toEqual([]);
});

test('stopping ends the process and frees the store', async () => {
  broker = await startBroker({ directory });
  const { pid } = broker;
  await broker.stop();
  expect(alive(pid!)).toBe(false);
  broker = await startBroker({ directory });
});

test('WebSocket is off unless asked for', async () => {
  broker = await startBroker({ directory });
  expect(broker.websocketUrl).toBeUndefined();
  await broker.stop();
  broker = await startBroker({ directory, websocket: { host: '127.0.0.1', port: -1 } });
  const bus = await connectNatsBus({ servers: [broker.websocketUrl!], name: 'w', inboxPrefix: '_INBOX.w' });
  await bus.flush();
  await expect(bus.request('nobody', 1, { timeoutMs: 2_000 })).rejects.toMatchObject({ code: 'EDGE_BUS_NO_RESPONDER' });
  await bus.close();
});
