import { kvLockStore, memoryLockStore, openLeaseBuckets } from '@edge-run/master/leases';
import { systemClock } from '@edge-run/shared/kernel';
import { startNats } from '../support/nats.ts';
import { describeLocks } from './locks.ts';

describeLocks('locks in memory', async () => {
  const store = memoryLockStore();
  return { open: async () => store, close: async () => {} };
});

describeLocks('locks in a key-value bucket', async () => {
  const nats = await startNats();
  let connections = 0;
  const open = async () => {
    connections += 1;
    const { connection } = await nats.connect(`locks-${connections}`);
    return kvLockStore((await openLeaseBuckets(connection, systemClock, 10_000)).locks);
  };
  return { open, close: () => nats.stop() };
});
