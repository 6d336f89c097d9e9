export { type LeaseBuckets, openLeaseBuckets } from './buckets.ts';
export { Duties, type DutiesOptions, dutyTable, memoryDutyTable } from './duties.ts';
export { kvLockStore, type LockStore, memoryLockStore } from './lock-store.ts';
export { type LockEntry, type LockHolder, type LockPlace, type LockTable, placeOf } from './lock-table.ts';
export { Locks, type LocksOptions } from './locks.ts';
export { keepLease, type MasterLease, type MasterLeaseOptions, soleLease } from './master-lease.ts';
export { memoryReservationTables, Reservations, reservationTables } from './reservations.ts';
