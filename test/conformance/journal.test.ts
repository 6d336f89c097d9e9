import { createMemoryJournal, openJetStreamJournal, sealedJournal } from '@edge-run/master/journal';
import { systemClock } from '@edge-run/shared/kernel';
import { startNats } from '../support/nats.ts';
import { describeJournal, type Note } from './journal.ts';

describeJournal('the journal in memory', async () => ({
  open: async () => createMemoryJournal<Note>(),
  close: async () => {},
}));

describeJournal('the journal that keeps secrets sealed', async () => {
  const kept = createMemoryJournal<Note>();
  const open = async () => sealedJournal(kept, Buffer.alloc(32, 1));
  return { open, reopen: open, close: async () => {} };
});

describeJournal('the journal on JetStream', async () => {
  const nats = await startNats();
  let connections = 0;
  const open = async () => {
    connections += 1;
    const { connection } = await nats.connect(`journal-${connections}`);
    return openJetStreamJournal<Note>({ connection, clock: systemClock });
  };
  return { open, reopen: open, close: () => nats.stop() };
});
