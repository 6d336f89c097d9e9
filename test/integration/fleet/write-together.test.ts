import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';

let nats: TestNats;

beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

/** The part of the client that hands frames to its socket. */
interface Transport {
  send(frame: Uint8Array): void;
}

it('what one turn publishes leaves in one write, also what a microtask adds, and nothing is lost at the end', async () => {
  const reader = await nats.connect('reader');
  const heard: unknown[] = [];
  reader.connection.subscribe('turns', { callback: (_, message) => void heard.push(message.json()) });
  await reader.flush();

  const writer = await nats.connect('writer');
  const { transport } = (writer.connection as unknown as { protocol: { transport: Transport } }).protocol;
  const send = transport.send.bind(transport);
  let writes = 0;
  transport.send = (frame) => {
    writes += 1;
    send(frame);
  };
  for (let n = 0; n < 5; n += 1) {
    await writer.publish('turns', { n });
    await Promise.resolve();
  }
  await new Promise((resolve) => setImmediate(resolve));
  expect(writes).toBe(1);

  await writer.publish('turns', { n: 5 });
  await writer.close();
  await expect.poll(() => heard).toEqual([0, 1, 2, 3, 4, 5].map((n) => ({ n })));
  await reader.close();
});
