import { memoryReservationTables, openLeaseBuckets, reservationTables } from '@edge-run/master/leases';
import { systemClock } from '@edge-run/shared/kernel';
import { startNats } from '../support/nats.ts';
import { describeReservations } from './reservations.ts';

describeReservations('reservations in memory', async () => {
  const tables = memoryReservationTables();
  return { open: async () => tables, close: async () => {} };
});

describeReservations('reservations in a key-value bucket', async () => {
  const nats = await startNats();
  let connections = 0;
  const open = async () => {
    connections += 1;
    const { connection } = await nats.connect(`reservations-${connections}`);
    return reservationTables((await openLeaseBuckets(connection, systemClock, 10_000)).locks);
  };
  return { open, close: () => nats.stop() };
});
