import { EdgeError } from '@edge-run/shared/kernel';
import { cloudRunnerDeclarations } from '@edge-run/shared/protocol';
import { encodeValue, PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import { type CloudDriver, declaredGrains, type HostDeclaration, type Provisioned } from '../cloud/index.ts';
import { defineRunner, type Runner } from './contract.ts';

/** What an entry of `hosts` must say. */
const declared = z.object({ role: z.string(), address: z.string(), home: z.string().default('') });

/** Runners that bring hosts up. */
export function cloudRunners(driver: CloudDriver): readonly Runner[] {
  return [
    defineRunner({
      ...cloudRunnerDeclarations['cloud.provision'],
      plan: {
        kind: 'planned',
        async plan({ hosts, environment }) {
          const wanted = declarations(hosts, environment);
          const found = await Promise.all(wanted.map(async (host) => ({ host, does: await driver.foresee(host) })));
          const absent = found.filter(({ does }) => does !== 'present');
          return {
            effect: absent.length === 0 ? 'nothing' : 'changes',
            changes: Object.fromEntries(absent.map(({ host, does }) => [host.id, does])),
            brings: Object.fromEntries(absent.map(({ host }) => [host.id, encodeValue(declaredGrains(host))])),
            comment: absent.length === 0 ? 'every host is there' : `${absent.length} hosts would come up`,
          };
        },
      },
      async run({ hosts, environment, timeout }, ctx) {
        const wanted = declarations(hosts, environment);
        const results = await Promise.all(
          wanted.map(async (host): Promise<[string, Provisioned]> => {
            const result = await driver.provision(host, { deadlineMs: timeout * 1000, signal: ctx.signal });
            ctx.report(result, undefined, host.id);
            return [host.id, result];
          }),
        );
        return new PyMap(results);
      },
    }),
  ];
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` that names the host and what it lacks */
function declarations(hosts: unknown, environment: string): readonly HostDeclaration[] {
  if (!(hosts instanceof PyMap) || hosts.size === 0) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'cloud.provision needs a mapping of hosts',
      {},
      { hint: 'Declare them under `hosts` in the pillar of the environment.' },
    );
  }
  return [...hosts].map(([key, entry]) => {
    const id = String(key);
    const fields = entry instanceof PyMap ? Object.fromEntries(entry) : {};
    const parsed = declared.safeParse(fields);
    if (!parsed.success) {
      const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
      throw new EdgeError('EDGE_BAD_ARGUMENT', `host ${id}: ${issues}`, { host: id });
    }
    const grains = entry instanceof PyMap ? entry.get('grains') : undefined;
    return { id, environment, ...parsed.data, grains: grains instanceof PyMap ? grains : new PyMap() };
  });
}
