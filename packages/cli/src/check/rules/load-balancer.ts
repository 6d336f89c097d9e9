import { didYouMean } from '@edge-run/shared/schema';
import { isOpen } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';
import { finding, type Rule } from './rule.ts';

/** Steps about load balancers that the pillar does not declare. */
export const unknownLoadBalancer: Rule = {
  code: 'EDGE_UNKNOWN_LOAD_BALANCER',
  severity: 'error',
  units: ['orchestration'],
  find: (unit) => {
    const declared = unit.pillar.get('load_balancers');
    const names = declared instanceof PyMap ? [...declared.keys()].map(String) : [];
    return unit.chunks.flatMap((chunk) => {
      const balancer = chunk.args.get('balancer');
      if (chunk.state !== 'lb' || typeof balancer !== 'string' || isOpen(balancer)) return [];
      if (names.includes(balancer)) return [];
      const help =
        didYouMean(balancer, names) ||
        (names.length === 0 ? 'declare it below `load_balancers` in the pillar' : `declared are ${names.join(', ')}`);
      return [finding(`no load balancer \`${balancer}\` in the pillar`, help, unit.placeOf(chunk, 'balancer'))];
    });
  },
};
