import { createMemoryBus } from '@edge-run/shared/bus';
import { afterAll, beforeAll } from 'vitest';
import { startNats, type TestNats } from '../support/nats.ts';
import { busConformance } from './bus.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startNats();
}, 30_000);
afterAll(() => nats.stop());

busConformance('memory', async () => {
  const bus = createMemoryBus({ inboxPrefix: '_INBOX.main' });
  const other = bus.connect('_INBOX.other');
  return {
    bus,
    other,
    close: async () => {
      await bus.close();
      await other.close();
    },
  };
});

busConformance('nats', async () => {
  const bus = await nats.connect('main');
  const other = await nats.connect('other');
  return {
    bus,
    other,
    close: async () => {
      await bus.close();
      await other.close();
    },
  };
});
