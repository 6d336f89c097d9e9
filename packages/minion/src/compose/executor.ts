import type { HostJobResult, JobExecutor } from '@edge-run/shared/execute';
import { EdgeError, toErrorRecord } from '@edge-run/shared/kernel';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { MinionPorts } from '../agent/index.ts';

/** Runs what concerns the minion itself: `test.ping` and `saltutil.running`. */
export function createExecutor(ports: MinionPorts): JobExecutor {
  return {
    facts: async () => new PyMap([['id', ports.id]]),
    execute: async ({ fun }): Promise<HostJobResult> => {
      switch (fun) {
        case 'test.ping':
          return { outcome: 'succeeded', ret: true, retcode: 0 };
        case 'saltutil.running':
          return { outcome: 'succeeded', ret: fromPlain(ports.running().map((job) => ({ ...job }))), retcode: 0 };
        default: {
          const error = new EdgeError('EDGE_UNKNOWN_FUNCTION', `no function '${fun}' on ${ports.id}`, { fun });
          return { outcome: 'failed', ret: error.message, retcode: 1, error: toErrorRecord(error) };
        }
      }
    },
  };
}
