import { openReactorFile } from '@edge-run/shared/files';
import { type Diagnostic, silentLogger } from '@edge-run/shared/kernel';
import { callOf, compileReaction } from '@edge-run/shared/orchestration';
import { globMatches } from '@edge-run/shared/target';
import { PyMap } from '@edge-run/shared/values';
import type { CallChecker } from './calls.ts';
import type { ReactorEntry } from './configuration.ts';
import type { EventFixture } from './fixtures.ts';
import type { CheckHost } from './hosts.ts';
import { relaxed, withoutHost } from './relax.ts';
import { problemsOf } from './unit.ts';
import type { Workshop } from './workshop.ts';

/** What reactor files are rendered with. */
export interface ReactorCheck {
  readonly workshop: Workshop;
  readonly master: CheckHost;
  readonly pillar: PyMap;
  readonly events: readonly EventFixture[];
  readonly calls: CallChecker;
}

/** What is wrong with the file of one reactor: that it is not there, its templates, its calls. */
export async function checkReactor(entry: ReactorEntry, check: ReactorCheck): Promise<readonly Diagnostic[]> {
  const { tag, uri, source } = entry;
  const { workshop, events } = check;
  try {
    const file = await openReactorFile(workshop.states, uri);
    if (file === undefined) {
      const summary = `the reactor of \`${tag}\`: there is no file ${uri}`;
      const detail = 'write salt://reactor/start.sls for a file below the file roots, or its path on the master';
      return [
        { severity: 'error', code: 'EDGE_SLS_NOT_FOUND', summary, detail, ...(source === undefined ? {} : { source }) },
      ];
    }
    const fitting = events.filter((event) => globMatches(tag, event.tag));
    // Without an event to go by, templates that look into one are not checked.
    const tried = fitting.length > 0 ? fitting : [{ tag: tag.replaceAll('*', 'x'), data: new PyMap() }];
    const found: Diagnostic[] = [];
    for (const event of tried) {
      const problems = await react(file.text, file.path, uri, event, check);
      const known = fitting.length > 0 ? problems : problems.map((problem) => relaxed(problem, HELP));
      found.push(...known.map((problem) => withoutHost(problem, ANSWERS_HELP)));
    }
    return found;
  } catch (error) {
    return problemsOf(error, source);
  }
}

const ANSWERS_HELP = 'say in the fixtures what it answers: calls.yaml';
const HELP = 'describe an event in the fixtures: events/NAME.yaml with `tag` and `data`';

async function react(
  text: string,
  path: string,
  uri: string,
  event: EventFixture,
  { workshop, master, pillar, calls }: ReactorCheck,
): Promise<readonly Diagnostic[]> {
  const runtime = workshop.runtimeOf(master, pillar);
  const { renderRequest } = await runtime.workplace({ signal: workshop.signal, log: silentLogger });
  const variables = new Map([['tag', event.tag] as const, ['data', event.data] as const]);
  const rendered = await runtime.options.renderData(renderRequest(text, path, variables));
  if (rendered.value === undefined) return rendered.diagnostics;
  const { chunks, diagnostics } = compileReaction([{ sls: uri, rendered: rendered.value }]);
  const found = [...rendered.diagnostics, ...diagnostics];
  for (const chunk of chunks) {
    const call = callOf(chunk, calls.names(chunk.client === 'wheel' ? 'wheel' : 'runner'));
    found.push(...call.diagnostics);
    if (call.value === undefined) continue;
    const { client, fun, args, kwargs } = call.value;
    const callee = client === 'runner' || client === 'wheel' ? client : 'hosts';
    found.push(
      ...calls.problemsOf({ callee, fun, args, kwargs, source: chunk.place, who: `\`${chunk.id}\` in ${uri}` }),
    );
  }
  return found;
}
