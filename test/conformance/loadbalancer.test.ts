import { MemoryLoadBalancer } from '@edge-run/master/loadbalancer';
import { describeLoadBalancerConformance } from './loadbalancer.ts';

describeLoadBalancerConformance('memory', async () => {
  const balancer = new MemoryLoadBalancer({ web: ['app1', 'app2', 'app3'], other: ['db1'] });
  return {
    balancer,
    pool: 'web',
    members: ['app1', 'app2', 'app3'],
    openSession: async (id) => {
      const member = balancer.member('web', id);
      member.sessions += 1;
      return async () => {
        member.sessions = Math.max(0, member.sessions - 1);
      };
    },
    setHealthy: async (id, healthy) => {
      balancer.member('web', id).health = healthy ? 'up' : 'down';
    },
    close: async () => {},
  };
});
