import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineWrite, type ExecutionModule } from '../contract/index.ts';
import { hasProgram, mustRun, stripOutput } from '../operations/index.ts';

/** Time for the return of the job to be stored before the agent is ended with everything else. */
const ANSWER_FIRST_S = 2;

const atTime = z.coerce
  .number()
  .int()
  .min(0)
  .nullish()
  .transform((minutes) => minutes ?? 0)
  .describe('Minutes to wait; the words of shutdown are said to whoever is logged in.');

/** Turning hosts off and on. */
export const systemFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'system.reboot',
    summary: 'Reboot the host; the answer comes before it goes down.',
    args: z.object({ at_time: atTime }),
    returns: 'What shutdown said; empty when it goes down at once.',
    examples: [{ title: 'in five minutes', args: { at_time: 5 } }],
    run: ({ at_time }, { host }) => shutDown(host, '-r', at_time),
  }),
  defineWrite({
    name: 'system.shutdown',
    summary: 'Turn the host off; the answer comes before it goes down.',
    args: z.object({ at_time: atTime }),
    returns: 'What shutdown said; empty when it goes down at once.',
    examples: [],
    run: ({ at_time }, { host }) => shutDown(host, '-h', at_time),
  }),
];

async function shutDown(host: Host, flag: '-r' | '-h', minutes: number): Promise<string> {
  if (!(await hasProgram(host, 'shutdown')))
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      `${host.id} has no program shutdown`,
      {},
      {
        hint: 'A container is turned off from outside.',
      },
    );
  if (minutes > 0) {
    const { stdout, stderr } = await mustRun(host, ['shutdown', flag, `+${minutes}`]);
    return stripOutput(stdout + stderr);
  }
  // In a session of its own: it must outlive this command, and the connection or agent that asked.
  const later = `setsid sh -c 'sleep "$1"; exec shutdown "$2" now' sh "$1" "$2" </dev/null >/dev/null 2>&1 &`;
  await mustRun(host, ['sh', '-c', later, 'sh', String(ANSWER_FIRST_S), flag]);
  return '';
}
