import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { expect } from 'vitest';
import { KillableMasters } from './killable-masters.ts';
import { eventually } from './processes.ts';

/*
 * The proof that a run cannot be lost: a deployment of five hosts in six steps each, of which every step appends a line
 * to a file of its host, while its master is killed.
 */

export const HOSTS = ['h1', 'h2', 'h3', 'h4', 'h5'] as const;
export const STEPS = ['drain', 'stop', 'checkout', 'build', 'start', 'enable'] as const;

const DEPLOY = `
__run__: {lock: env/prod}
{% for host in ${JSON.stringify(HOSTS)} %}
{% for step in ${JSON.stringify(STEPS)} %}
{{ host }} {{ step }}:
  salt.function:
    - name: cmd.run
    - tgt: {{ host }}
    - arg:
      - echo {{ pillar.trial }} {{ step }} >> @DIR@/{{ host }}.steps
    - failhard: True
{% endfor %}
{% endfor %}
`;

/** How many entries the journal of an undisturbed deployment has: the plan, the locks with the first step, each end. */
export const ENTRIES = 2 + HOSTS.length * STEPS.length;

/** Masters and hosts for the deployment. */
export function startProof(masters: readonly string[]): Promise<KillableMasters> {
  return KillableMasters.start({ masters, hosts: HOSTS, files: { 'orch/deploy.sls': DEPLOY } });
}

/** When the master dies: as it appends an entry, which arrives or not, or so many milliseconds after it was asked. */
export type Death =
  | { readonly kind: 'entry'; readonly after: number; readonly isDelivered: boolean }
  | { readonly kind: 'instant'; readonly afterMs: number; readonly master: string };

/**
 * One deployment in which the master that drives it dies, at an entry of its journal, or any master at an instant.
 * `recover` brings it back where no other takes over. The run ends well, every step ran exactly once, none is lost, and
 * the lock is free.
 */
export async function proveDeath(
  fleet: KillableMasters,
  trial: string,
  { death, recover }: { readonly death: Death; recover(master: string): Promise<void> },
): Promise<void> {
  const known = new Set((await fleet.runs()).map(({ run }) => run));
  const killed = death.kind === 'entry' ? fleet.killAtEntry(death.after, death.isDelivered) : killAfter(fleet, death);
  const asked = fleet
    .ask('orch.run', { name: 'deploy', pillar: { trial } })
    .then((answer) => (answer as { run: string }).run)
    .catch(() => undefined);
  await recover(await Promise.race([killed, limit(30_000, `the master did not die in trial ${trial}`)]));
  const begun = async (): Promise<string | undefined> =>
    (await fleet.runs().catch(() => [])).find(({ run }) => !known.has(run))?.run;
  // Killed before the plan was stored: nothing has happened, and whoever asked was not told of a run.
  const run = (await asked) ?? (await begun());
  if (run === undefined) {
    for (const host of HOSTS)
      expect((await fleet.log(host)).filter((line) => line.startsWith(`${trial} `))).toEqual([]);
    return;
  }
  const journal = await eventually(
    async () => {
      const events = await fleet.journal(run).catch(() => []);
      return events.at(-1)?.type === 'run-ended' ? events : undefined;
    },
    `run ${run} of trial ${trial} ends`,
    60_000,
  );
  expect(journal.at(-1), trial).toMatchObject({ outcome: 'succeeded', exitCode: 0 });
  expect(endsTwice(journal), trial).toEqual([]);
  for (const host of HOSTS) {
    const lines = (await fleet.log(host)).filter((line) => line.startsWith(`${trial} `));
    expect(lines, `${trial} on ${host}`).toEqual(STEPS.map((step) => `${trial} ${step}`));
  }
  await eventually(
    async () => ((await fleet.ask('orch.locks', {})) as { locks: unknown[] }).locks.length === 0,
    `the lock of trial ${trial} is free`,
  );
}

async function killAfter(
  fleet: KillableMasters,
  { master, afterMs }: Extract<Death, { kind: 'instant' }>,
): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await fleet.killMaster(master);
  return master;
}

async function limit(ms: number, what: string): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  throw new Error(what);
}

/** Steps that the journal says ended more than once. */
function endsTwice(journal: readonly RunJournalEvent[]): readonly string[] {
  const seen = new Set<string>();
  return journal.flatMap((event) => {
    if (event.type !== 'step-ended') return [];
    const again = seen.has(event.step);
    seen.add(event.step);
    return again ? [event.step] : [];
  });
}
