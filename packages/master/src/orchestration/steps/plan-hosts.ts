import { requireCompiled } from '@edge-run/shared/kernel';
import { targetOf } from '@edge-run/shared/orchestration';
import type { ForeseenStep, PlannedCall } from '@edge-run/shared/protocol';
import { compileMatcher, parseTarget } from '@edge-run/shared/target';
import { encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { Foresight } from '../foresight.ts';
import { digestOf } from '../sources.ts';
import type { StepAnswer, StepContext } from '../step-kind.ts';
import { plannedBatches } from './plan-batches.ts';

/** Who a step would reach. */
export interface PlannedHosts {
  readonly target: string;
  readonly targetType: string;
  /** Undefined where the target itself comes only with an earlier step. */
  readonly hosts: readonly string[] | undefined;
  /** Hosts that an earlier step brings up. */
  readonly coming: readonly string[];
}

type TargetArguments = Parameters<typeof targetOf>[0] & { readonly ssh?: boolean | undefined };

/** The hosts a step's target selects now, and those it will select once earlier steps have brought them up. */
export async function plannedHosts(
  args: TargetArguments,
  { run, onlyHosts, ports }: StepContext,
  foresight: Foresight,
): Promise<PlannedHosts> {
  const { target, targetType } = targetOf(args);
  if (target.includes('{{')) return { target, targetType, hosts: undefined, coming: [] };
  const selected = await ports.jobs.select(target, targetType);
  const isMeant = (id: string): boolean => args.ssh !== true || ports.isRosterHost(id);
  const present = selected.filter((id) => !foresight.coming.has(id) && !run.dropped.has(id) && isMeant(id));
  const hosts = onlyHosts === undefined ? present : present.filter((id) => onlyHosts.includes(id));
  return { target, targetType, hosts: [...hosts].sort(), coming: comingHosts(target, targetType, ports, foresight) };
}

/** Everything a target may look at is known of a host that is not there yet, but for its pillar. */
function comingHosts(
  target: string,
  targetType: string,
  { fleet }: StepContext['ports'],
  { coming }: Foresight,
): readonly string[] {
  if (coming.size === 0) return [];
  const { nodegroups } = fleet;
  const expression = targetType === 'list' ? target.split(',') : target;
  const matches = compileMatcher(requireCompiled(parseTarget(expression, targetType)), { nodegroups });
  return [...coming].flatMap(([id, grains]) => (matches({ id, grains, pillar: new PyMap() }) ? [id] : [])).sort();
}

/** A call to hosts as a plan shows it; secrets are sealed. */
export function hostCall(
  { fun, args, kwargs }: { fun: string; args: readonly Value[]; kwargs: ReadonlyMap<string, Value> },
  { target, targetType, hosts, coming }: PlannedHosts,
  given: Parameters<typeof plannedBatches>[0],
): PlannedCall {
  return {
    ...{ to: 'hosts', fun, args: args.map((arg) => encodeValue(arg)), target: { expr: target, type: targetType } },
    kwargs: Object.fromEntries([...kwargs].map(([name, value]) => [name, encodeValue(value)])),
    ...(hosts === undefined ? {} : { hosts: [...hosts] }),
    ...(coming.length === 0 ? {} : { coming: [...coming] }),
    ...plannedBatches(given, [...(hosts ?? []), ...coming]),
  };
}

/** Host → digest of what it told of itself; numbers of processes are others after every start. */
export function factsDigests(hosts: readonly string[], { ports }: StepContext): ForeseenStep['facts'] {
  return Object.fromEntries(
    hosts.map((id) => {
      const lasting = new PyMap([...ports.fleet.factsOf(id)].filter(([name]) => name !== 'pid'));
      return [id, digestOf(encodeValue(lasting))];
    }),
  );
}

/** Why what is found now may not be what is found then: the hosts that are not there, or that earlier steps act on. */
export function doubtOf({ hosts = [], coming }: PlannedHosts, { touched }: Foresight): string | undefined {
  if (coming.length > 0) return `${coming.join(', ')} would come up first`;
  const acted = hosts.filter((id) => touched.has(id));
  if (acted.length === 0) return undefined;
  const steps = [...new Set(acted.flatMap((id) => touched.get(id) ?? []))];
  return `${steps.join(', ')} would act on ${acted.join(', ')} first`;
}

/** The answer of a step whose target selects nobody, now or later. */
export function selectsNobody({ target, targetType }: PlannedHosts): StepAnswer {
  return { result: false, changes: new PyMap(), comment: `nothing matches ${target} (${targetType})` };
}
