import { randomBytes } from 'node:crypto';
import type { HostJob, HostJobResult, JobExecutor } from '@edge-run/shared/execute';
import { systemClock } from '@edge-run/shared/kernel';
import { PyMap } from '@edge-run/shared/values';

/** As the modules of these names are declared. */
const LOOKS: ReadonlySet<string> = new Set(['test.ping', 'test.echo']);

/** True for the functions of `testExecutor` that only look. */
export function onlyLooks(fun: string): boolean {
  return LOOKS.has(fun);
}

/**
 * Knows `test.ping`, `test.echo TEXT`, `test.sleep MS` (ends when told to), `test.large CHARACTERS` (nobody can pack
 * them to less than three quarters), `test.lines COUNT` (which pack well) and `test.count`.
 */
export function testExecutor(options: { readonly onRun?: (job: HostJob) => void } = {}): JobExecutor {
  let count = 0;
  return {
    facts: async () => new PyMap(),
    onlyLooks,
    execute: async (job, { signal }): Promise<HostJobResult> => {
      options.onRun?.(job);
      switch (job.fun) {
        case 'test.ping':
          return { outcome: 'succeeded', ret: true, retcode: 0 };
        case 'test.echo':
          return { outcome: 'succeeded', ret: job.args[0] ?? null, retcode: 0 };
        case 'test.count':
          count += 1;
          return { outcome: 'succeeded', ret: count, retcode: 0 };
        case 'test.large':
          return { outcome: 'succeeded', ret: randomText(Number(job.args[0])), retcode: 0 };
        case 'test.lines':
          return { outcome: 'succeeded', ret: lines(Number(job.args[0])), retcode: 0 };
        case 'test.sleep':
          await systemClock.sleep(Number(job.args[0]), signal);
          return { outcome: 'succeeded', ret: job.args[0] ?? null, retcode: 0 };
        default:
          throw new Error(`no function ${job.fun}`);
      }
    },
  };
}

function lines(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `line ${index} of a long answer`);
}

function randomText(characters: number): string {
  return randomBytes(Math.ceil((characters * 3) / 4))
    .toString('base64')
    .slice(0, characters);
}
