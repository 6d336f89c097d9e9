import { createHash } from 'node:crypto';
import type { Clock } from '@edge-run/shared/kernel';
import type { KV } from '@nats-io/kv';
import { z } from 'zod';
import type { MasterLease } from './master-lease.ts';
import { changeTable, kvTable, memoryTable, type TableStore } from './table-store.ts';

/** Who is about to take a member out of a pool. */
export interface Claim {
  /** The pool, by a name that is the same for everybody who means these servers. */
  readonly pool: string;
  readonly member: string;
  readonly run: string;
  readonly step: string;
}

/** A claim of a living master, as kept. */
const reservation = z.object({
  member: z.string(),
  run: z.string(),
  step: z.string(),
  /** The start of the master that made it. */
  boot: z.string(),
});
type Reservation = z.infer<typeof reservation>;

/** The tables of pools in a bucket: `leaving.<digest of the pool>`. */
export function reservationTables(bucket: Pick<KV, 'get' | 'put'>): ReservationsOptions['storeOf'] {
  return (pool) =>
    kvTable(bucket, `leaving.${createHash('sha256').update(pool).digest('hex').slice(0, 32)}`, reservation);
}

/** The tables of pools in memory: simulations and tests. */
export function memoryReservationTables(): ReservationsOptions['storeOf'] {
  const tables = new Map<string, TableStore<Reservation>>();
  return (pool) => {
    const table = tables.get(pool) ?? memoryTable<Reservation>();
    tables.set(pool, table);
    return table;
  };
}

/** What reservations are kept with. */
export interface ReservationsOptions {
  /** The table of a pool. */
  storeOf(pool: string): TableStore<Reservation>;
  readonly lease: Pick<MasterLease, 'boot' | 'boots'>;
  /** Of these runs, those that have ended. */
  ended(runs: readonly string[]): Promise<ReadonlySet<string>>;
  readonly clock: Clock;
}

/**
 * Members that are about to leave their pools, known to all masters before any load balancer is told: whoever counts what
 * is in service counts them as gone. Deciding and reserving are one, so that two who look at the same moment cannot both
 * take the last member that may go. Nobody waits while he has one, so there is no deadlock; one of a master that is gone,
 * or of a run that has ended, is void.
 */
export class Reservations {
  readonly #options: ReservationsOptions;
  /** Pool → the last decision about it here: those of one master need not fight for the table. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /**
   * Reserves what is claimed unless `refuse`, told the members that others are about to take out, says why not; answers
   * that. `refuse` may be asked several times. The same step may claim again, after any crash.
   *
   * @throws EdgeError `EDGE_LOCKS_BUSY`, and what `refuse` throws
   */
  take(
    claim: Claim,
    refuse: (leaving: ReadonlySet<string>) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    return this.#inTurn(claim.pool, () => this.#take(claim, refuse));
  }

  /** Ends the claim: what the load balancer says of the member is true again. Harmless where there is none. */
  async giveBack(claim: Claim): Promise<void> {
    const { storeOf, clock } = this.#options;
    await changeTable(storeOf(claim.pool), clock, (table) =>
      table.some((one) => isOf(claim, one)) ? table.filter((one) => !isOf(claim, one)) : table,
    );
  }

  async #take(
    claim: Claim,
    refuse: (leaving: ReadonlySet<string>) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const { storeOf, clock, lease } = this.#options;
    const { member, run, step } = claim;
    let problem: string | undefined;
    await changeTable(storeOf(claim.pool), clock, async (table) => {
      let others = table.filter((one) => !isOf(claim, one));
      problem = await refuse(membersOf(others));
      if (problem !== undefined && others.length > 0) {
        others = await this.#valid(others);
        problem = await refuse(membersOf(others));
      }
      return problem === undefined ? [...others, { member, run, step, boot: lease.boot }] : table;
    });
    return problem;
  }

  async #valid(reservations: readonly Reservation[]): Promise<Reservation[]> {
    const { lease, ended } = this.#options;
    const boots = await lease.boots();
    const living = reservations.filter(({ boot }) => boots.has(boot));
    const over = await ended([...new Set(living.map(({ run }) => run))]);
    return living.filter(({ run }) => !over.has(run));
  }

  #inTurn<T>(pool: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(pool) ?? Promise.resolve()).then(work);
    const settled = turn.then(
      () => undefined,
      () => undefined, // whoever asked hears of it
    );
    this.#turns.set(pool, settled);
    return turn.finally(() => {
      if (this.#turns.get(pool) === settled) this.#turns.delete(pool);
    });
  }
}

function isOf({ member, run, step }: Claim, one: Reservation): boolean {
  return one.member === member && one.run === run && one.step === step;
}

function membersOf(reservations: readonly Reservation[]): ReadonlySet<string> {
  return new Set(reservations.map(({ member }) => member));
}
