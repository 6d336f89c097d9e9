import { OPERATIONS, type OperationAnswer } from '@edge-run/shared/protocol';
import { addressOf, type SshTarget } from '@edge-run/shared/roster';
import { globMatches } from '@edge-run/shared/target';
import { type Operation, operation } from '../gateway/index.ts';
import type { Nodes } from '../nodes/index.ts';
import type { SshFleet } from '../ssh/index.ts';

type RosterRow = OperationAnswer<'roster.ls'>['hosts'][number];
type TestedHost = OperationAnswer<'roster.test'>['hosts'][number];

/** What people ask about hosts reached over SSH. */
export function rosterOperations({
  sshFleet,
  nodes,
  refreshRosters,
}: {
  readonly sshFleet: SshFleet;
  readonly nodes: Nodes;
  refreshRosters(): Promise<void>;
}): Readonly<Record<string, Operation>> {
  return {
    'roster.ls': operation(OPERATIONS['roster.ls'].args, async ({ refresh, target }) => {
      if (refresh === true) await refreshRosters();
      const chosen =
        target === undefined
          ? undefined
          : new Set(
              (await nodes.select(target.expr, target.type, { delimiter: target.delimiter })).matched.map(
                ({ id }) => id,
              ),
            );
      const ids = sshFleet.ids().filter((id) => chosen === undefined || chosen.has(id));
      return { hosts: ids.map((id) => rowOf(sshFleet.target(id))) };
    }),
    'roster.test': operation(OPERATIONS['roster.test'].args, async ({ ids }, _caller, signal) => {
      const chosen = sshFleet.ids().filter((id) => ids.some((glob) => globMatches(glob, id)));
      return { hosts: await Promise.all(chosen.map((id) => testHost(id, sshFleet, signal))) };
    }),
  };
}

function rowOf({ id, host, port, user, sudo, sudoUser, proxyJump, origin }: SshTarget): RosterRow {
  return {
    ...{ id, host, port, user },
    runsAs: sudo ? sudoUser : user,
    jumps: proxyJump.map((hop) => (typeof hop === 'string' ? hop : `${hop.user}@${addressOf(hop)}`)),
    roster: origin?.roster ?? 'file',
    place: origin?.place ?? '',
  };
}

async function testHost(id: string, fleet: SshFleet, signal: AbortSignal): Promise<TestedHost> {
  const steps = await fleet.check(id, signal);
  const failed = steps.find(({ result }) => result === 'failed');
  const login = steps.find(({ step }) => step === 'login');
  const hint = failed?.hint;
  return {
    id,
    ok: failed === undefined,
    detail: failed?.detail ?? `logged in as ${login?.detail ?? fleet.target(id).user}`,
    ...(hint === undefined ? {} : { hint }),
    tookMs: steps.reduce((sum, { tookMs }) => sum + tookMs, 0),
    steps: steps.map((step) => ({ ...step })),
  };
}
