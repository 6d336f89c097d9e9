import { EdgeError } from '@edge-run/shared/kernel';
import { sleepForStep } from '@edge-run/shared/protocol';
import { PyMap } from '@edge-run/shared/values';
import { defineStep, type StepAnswer } from '../step-kind.ts';

/** Progress is told so often, and a timer holds no longer than this. */
const TOLD_EVERY_MS = 10_000;

/** Waits for a number of seconds, counted from the first start of the step. */
export const sleepFor = defineStep({
  ...sleepForStep,

  plan: async (args) => ({
    result: null,
    changes: new PyMap(),
    comment: `Orchestration would wait for ${secondsOf(args)} s`,
    foreseen: { effect: 'nothing', waitsFor: `${secondsOf(args)} s` },
  }),

  async run(args, ctx): Promise<StepAnswer> {
    const seconds = secondsOf(args);
    const { clock } = ctx.ports;
    const endAt = (ctx.startedAt ?? clock.now()) + seconds * 1000;
    for (let leftMs = endAt - clock.now(); leftMs > 0; leftMs = endAt - clock.now()) {
      ctx.report('sleeping', `${Math.ceil(leftMs / 1000)} s to go`);
      await clock.sleep(Math.min(leftMs, TOLD_EVERY_MS), ctx.signal);
    }
    return { result: true, changes: new PyMap(), comment: `Waited for ${seconds} s.` };
  },
});

/** @throws EdgeError `EDGE_BAD_ARGUMENT` when neither the name nor `seconds` is a number */
function secondsOf({ name, seconds }: { name: string; seconds?: number | undefined }): number {
  const found = seconds ?? (name === '' ? Number.NaN : Number(name));
  if (found >= 0 && Number.isFinite(found)) return found;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `\`sleep.for\` does not know for how long: \`${name}\` is no number of seconds`,
    { name },
    { hint: 'Write `- seconds: 30`.' },
  );
}
