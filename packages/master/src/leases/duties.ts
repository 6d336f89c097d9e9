import type { Clock } from '@edge-run/shared/kernel';
import type { KV } from '@nats-io/kv';
import { z } from 'zod';
import type { MasterLease } from './master-lease.ts';
import { changeTable, kvTable, memoryTable, type TableStore } from './table-store.ts';

/** A host that one master works on, as kept. */
const duty = z.object({
  host: z.string(),
  master: z.string(),
  /** The start of that master. */
  boot: z.string(),
});
type Duty = z.infer<typeof duty>;

/** A host this master works on from now on. */
export interface TakenDuty {
  readonly host: string;
  /** Another master worked on it before: what ran there is on record with that one alone. */
  readonly isInherited: boolean;
}

/** What a round of claiming came to. */
export interface DutyRound {
  /** Hosts that are this master's since this round. */
  readonly taken: readonly TakenDuty[];
  /** All that are this master's now. */
  readonly own: ReadonlySet<string>;
}

/** What duties are kept with. */
export interface DutiesOptions {
  readonly store: TableStore<Duty>;
  readonly master: string;
  readonly lease: Pick<MasterLease, 'boot' | 'boots'>;
  readonly clock: Clock;
}

/** The table of duties in a bucket. */
export function dutyTable(bucket: Pick<KV, 'get' | 'put'>): DutiesOptions['store'] {
  return kvTable(bucket, 'duties', duty);
}

/** The table in memory: tests. */
export function memoryDutyTable(): DutiesOptions['store'] {
  return memoryTable<Duty>();
}

/**
 * Which master works on which host that has no agent: exactly one, however many have it in their rosters. A master keeps
 * its hosts while it lives; those of one that is gone go to whoever claims them first.
 */
export class Duties {
  readonly #options: DutiesOptions;

  constructor(options: DutiesOptions) {
    this.#options = options;
  }

  /** Claims hosts that nobody living works on. @throws EdgeError `EDGE_LOCKS_BUSY` */
  async claim(hosts: Iterable<string>): Promise<DutyRound> {
    const { store, master, lease, clock } = this.#options;
    const wanted = [...hosts];
    const boots = await lease.boots();
    let taken: TakenDuty[] = [];
    const table = await changeTable(store, clock, (duties) => {
      const known = new Map(duties.map((one) => [one.host, one]));
      const free = wanted.filter((host) => {
        const holder = known.get(host);
        return holder === undefined || (holder.boot !== lease.boot && !boots.has(holder.boot));
      });
      taken = free.map((host) => {
        const before = known.get(host);
        // A namesake's records are in the same directory as ours.
        return { host, isInherited: before !== undefined && before.master !== master };
      });
      if (free.length === 0) return duties;
      const gone = new Set(free);
      return [
        ...duties.filter(({ host }) => !gone.has(host)),
        ...free.map((host) => ({ host, master, boot: lease.boot })),
      ];
    });
    return { taken, own: new Set(table.filter(({ boot }) => boot === lease.boot).map(({ host }) => host)) };
  }
}
