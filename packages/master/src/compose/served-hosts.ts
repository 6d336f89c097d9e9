import type { InstantMs } from '@edge-run/shared/kernel';
import { Duties, type DutiesOptions, type MasterLease } from '../leases/index.ts';
import { type ServeSshHostOptions, serveSshHost } from '../ssh/index.ts';

/** What hosts are served with. */
export interface ServedHostsOptions
  extends Omit<ServeSshHostOptions, 'id' | 'inheritedAt' | 'signers' | 'fence'>,
    Pick<DutiesOptions, 'store' | 'master'> {
  readonly lease: Pick<MasterLease, 'boot' | 'boots' | 'signers' | 'holds'>;
}

/** The hosts without agents whose jobs this master takes: of those it knows, the ones that no other master works on. */
export class ServedHosts {
  readonly #options: ServedHostsOptions;
  readonly #duties: Duties;
  readonly #known = new Set<string>();
  /** Host → what ends it. */
  readonly #served = new Map<string, () => Promise<void>>();
  #round: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ServedHostsOptions) {
    this.#options = options;
    this.#duties = new Duties(options);
  }

  /** Whether some master is to work on it. */
  has(id: string): boolean {
    return this.#known.has(id);
  }

  /** From now on these are hosts too; resolves once the jobs are taken of those that nobody else works on. */
  async add(ids: Iterable<string>): Promise<void> {
    const before = this.#known.size;
    for (const id of ids) this.#known.add(id);
    if (this.#known.size > before) await this.claim();
  }

  /** Takes over the hosts of masters that are gone, and lets go of those that others have by now. */
  claim(): Promise<void> {
    const round = this.#round.then(() => this.#claim());
    this.#round = round.catch(() => undefined); // whoever asked hears of it
    return round;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#round;
    await Promise.all([...this.#served.values()].map((end) => end()));
  }

  async #claim(): Promise<void> {
    if (this.#known.size === 0 || this.#isClosed) return;
    const { clock, log } = this.#options;
    const { taken, own } = await this.#duties.claim(this.#known);
    const inherited = taken.filter(({ isInherited }) => isInherited).map(({ host }) => host);
    if (inherited.length > 0) log.warn('taking over hosts that another master worked on', { hosts: inherited });
    for (const { host, isInherited } of taken) this.#serve(host, isInherited ? clock.now() : undefined);
    const lost = [...this.#served].filter(([host]) => !own.has(host));
    for (const [host, end] of lost) {
      log.warn('another master works on this host now', { host });
      this.#served.delete(host);
      await end();
    }
  }

  #serve(id: string, inheritedAt: InstantMs | undefined): void {
    const { lease, store: _store, master: _master, ...options } = this.#options;
    const end = serveSshHost({
      ...options,
      id,
      ...(inheritedAt === undefined ? {} : { inheritedAt }),
      signers: () => lease.signers,
      fence: (signal) => lease.holds(signal),
    });
    this.#served.set(id, end);
  }
}
