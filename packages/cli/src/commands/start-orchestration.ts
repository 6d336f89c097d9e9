import type { ExitCode } from '@edge-run/shared/protocol/plain';
import type { Session } from '../session.ts';
import { planOrchestration } from './orch-plan.ts';
import { PLAN_WITHIN_MS, readRunRequest } from './read-run-request.ts';
import { leaveRun, watchRun } from './start-run.ts';

/**
 * Starts an orchestration from its words (`NAME [k=v…]`) and follows it to its end unless told not to; with `test=True`,
 * plans it.
 */
export async function startOrchestration(session: Session, words: readonly string[]): Promise<ExitCode> {
  const request = await readRunRequest(words, session.literalWords);
  if (request.test === true && session.flags.wait) {
    return planOrchestration(session, request, { strict: false, detailedExitcode: false, save: undefined });
  }
  const client = await session.master();
  const timeoutMs = session.flags.timeoutMs ?? PLAN_WITHIN_MS;
  const { run } = await client.ask('orch.run', request, { timeoutMs });
  return session.flags.wait ? watchRun(session, run) : leaveRun(session, run);
}
