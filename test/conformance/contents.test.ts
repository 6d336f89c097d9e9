import { createMemoryContents, openJetStreamContents } from '@edge-run/master/bundles';
import { systemClock } from '@edge-run/shared/kernel';
import { startNats } from '../support/nats.ts';
import { describeContents } from './contents.ts';

describeContents('contents in memory', async () => ({
  open: async () => createMemoryContents(),
  close: async () => {},
}));

describeContents('contents on JetStream', async () => {
  const nats = await startNats();
  let connections = 0;
  const open = async () => {
    connections += 1;
    const { connection } = await nats.connect(`contents-${connections}`);
    return openJetStreamContents(connection, systemClock);
  };
  return { open, reopen: open, close: () => nats.stop() };
});
