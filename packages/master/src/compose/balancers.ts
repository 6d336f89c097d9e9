import { type Clock, EdgeError } from '@edge-run/shared/kernel';
import { didYouMean } from '@edge-run/shared/schema';
import { PyMap, revealValue, toPlain } from '@edge-run/shared/values';
import { z } from 'zod';
import type { Dispatcher } from '../jobs/index.ts';
import { type HaproxyProcess, haproxyLoadBalancer } from '../loadbalancer/index.ts';
import type { StepPorts } from '../orchestration/index.ts';

/** An entry of the pillar's `load_balancers`. */
const declaration = z.object({
  driver: z.literal('haproxy'),
  backend: z.string().describe('Name of the backend in HAProxy.'),
  host: z.string().optional().describe('Host that runs HAProxy.'),
  host_role: z.string().optional().describe('Role whose hosts, of the pillar’s `hosts`, each run HAProxy.'),
  socket: z.string().describe("Path of the admin socket, or a path below the host's home."),
});

/**
 * Makes load balancers from a pillar's `load_balancers:<name>`. HAProxy is spoken to on the hosts that run it, through
 * their own admin sockets, so that nothing has to listen on the network.
 *
 * @throws EdgeError `EDGE_UNKNOWN_LOAD_BALANCER` with what is wrong in the pillar
 */
export function createBalancers(
  jobs: Dispatcher,
  clock: Clock,
): (name: string, pillar: PyMap) => ReturnType<StepPorts['balancer']> {
  return async (name, pillar) => {
    const entry = declared(name, pillar);
    const processes = hostsOf(name, entry, pillar).map(({ id, home }) =>
      remoteProcess(id, absolute(entry.socket, home), jobs),
    );
    const places = processes.map((process) => process.name).sort();
    const id = `${entry.backend} at ${places.join(', ')}`;
    return { balancer: haproxyLoadBalancer({ processes, clock }), pool: entry.backend, id };
  };
}

function declared(name: string, pillar: PyMap): z.output<typeof declaration> {
  const entries = pillar.get('load_balancers');
  const entry = entries instanceof PyMap ? entries.get(name) : undefined;
  if (entry === undefined) {
    const known = entries instanceof PyMap ? [...entries.keys()].map(String) : [];
    const hint = didYouMean(name, known) || `Declare it in the pillar: load_balancers:${name}.`;
    throw new EdgeError(
      'EDGE_UNKNOWN_LOAD_BALANCER',
      `the pillar declares no load balancer \`${name}\``,
      { name, known },
      { hint },
    );
  }
  const parsed = declaration.safeParse(toPlain(revealValue(entry)));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new EdgeError('EDGE_UNKNOWN_LOAD_BALANCER', `load_balancers:${name} of the pillar is not valid: ${problems}`, {
    name,
  });
}

function hostsOf(
  name: string,
  entry: z.output<typeof declaration>,
  pillar: PyMap,
): readonly { id: string; home: string }[] {
  const hosts = pillar.get('hosts');
  const all = hosts instanceof PyMap ? [...hosts] : [];
  const chosen = all.filter(
    ([id, host]) =>
      id === entry.host ||
      (entry.host_role !== undefined && host instanceof PyMap && host.get('role') === entry.host_role),
  );
  if (chosen.length === 0 && entry.host !== undefined) return [{ id: entry.host, home: '/' }];
  if (chosen.length === 0) {
    throw new EdgeError(
      'EDGE_UNKNOWN_LOAD_BALANCER',
      `no host of the pillar runs the load balancer \`${name}\``,
      { name },
      { hint: 'Set `host`, or `host_role` to a role of `hosts`.' },
    );
  }
  return chosen.map(([id, host]) => ({
    id: String(id),
    home: String((host instanceof PyMap ? host.get('home') : undefined) ?? '/'),
  }));
}

function absolute(socket: string, home: string): string {
  return socket.startsWith('/') ? socket : `${home}/${socket}`;
}

/** HAProxy's runtime API, spoken on the host itself. */
function remoteProcess(host: string, socket: string, jobs: Dispatcher): HaproxyProcess {
  return {
    name: `${socket} on ${host}`,
    async command(text, signal) {
      const answer = await jobs.run(
        {
          target: host,
          targetType: 'list',
          fun: 'haproxy.command',
          args: [text],
          kwargs: new Map([['socket', socket]]),
          timeoutMs: 10_000,
          by: 'load-balancer',
        },
        signal ?? new AbortController().signal,
      );
      const end = answer.targets.get(host);
      if (end?.outcome === 'succeeded' && typeof end.ret === 'string') return end.ret;
      const why = end === undefined ? 'no such host' : (end.evidence ?? String(end.ret));
      throw new EdgeError(
        'EDGE_LB_UNREACHABLE',
        `HAProxy on ${host} did not answer \`${text}\`: ${why}`,
        { host, socket },
        { hint: `See 'edge-run ${host} service.status haproxy'.` },
      );
    },
  };
}
