export { type HaproxyOptions, type HaproxyProcess, haproxyLoadBalancer } from './haproxy.ts';
export { type HaproxySocketAddress, haproxySocket } from './haproxy-socket.ts';
export type {
  AdminState,
  LoadBalancer,
  LoadBalancerCapabilities,
  MemberHealth,
  PollOptions,
  PoolMember,
  WaitOptions,
} from './loadbalancer.ts';
export { MemoryLoadBalancer, type MemoryMember } from './memory.ts';
export { type Owned, own, planRestore, type Restore } from './ownership.ts';
