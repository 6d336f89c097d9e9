import type { HostJobResult } from '@edge-run/shared/execute';
import { type Diagnostic, formatDiagnostic } from '@edge-run/shared/kernel';
import { dumpYaml } from '@edge-run/shared/render';
import { decodeValue, fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { type StatesView, statesIn } from '@edge-run/shared/view';

/** How `edge-minion call` prints. */
export type OutputForm = 'text' | 'json';

/** What a call prints: YAML below the host's id for people, or the whole end of the job as JSON. */
export function formatAnswer(id: string, result: HostJobResult, form: OutputForm): string {
  if (form === 'json') {
    const { outcome, ret, retcode, error } = result;
    return `${JSON.stringify({ id, outcome, retcode, ret: toPlain(ret), ...(error === undefined ? {} : { error }) }, bytesAsBase64, 2)}\n`;
  }
  const problems = errorLines(result);
  if (problems !== undefined) return `${id}:\n${problems.map((line) => `  ${line}`.trimEnd()).join('\n')}\n`;
  const states = statesIn(result.ret);
  const shown = states === undefined ? result.ret : summary(states);
  return dumpYaml(new PyMap([[id, shown]]), { sortKeys: false });
}

/** The lines of what kept a function from running, or of states that do not compile. */
function errorLines({ outcome, ret, error }: HostJobResult): readonly string[] | undefined {
  if (error !== undefined) {
    const diagnostics = error.details.diagnostics as unknown as readonly Diagnostic[] | undefined;
    if (diagnostics !== undefined) return diagnostics.flatMap((diagnostic) => formatDiagnostic(diagnostic).split('\n'));
    return [`error[${error.code}]: ${error.message}`, ...(error.hint === undefined ? [] : [`  = help: ${error.hint}`])];
  }
  if (outcome === 'succeeded' || !Array.isArray(ret)) return undefined;
  return ret.flatMap((text) => String(text).split('\n'));
}

/** Counts, and every state that is not simply as it should be. */
function summary({ states, total, changed, wouldChange, unchanged, failed }: StatesView): Value {
  const notable = states
    .filter((line) => line.result !== true || line.changed)
    .map(({ fun, id, name, sls, result, changed: hasChanges, changes, comment, notes }) => ({
      state: fun,
      id,
      ...(name === id ? {} : { name }),
      sls,
      ...(notes.place === undefined ? {} : { place: notes.place }),
      result,
      ...(hasChanges ? { changes: decodeValue(changes) } : {}),
      comment,
    }));
  const counts = { states: total, changed, would_change: wouldChange, unchanged, failed };
  return fromPlain(notable.length === 0 ? counts : { ...counts, details: notable });
}

function bytesAsBase64(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
