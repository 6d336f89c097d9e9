import { type Diagnostic, silentLogger } from '@edge-run/shared/kernel';
import { PyMap } from '@edge-run/shared/values';
import type { CheckHost } from './hosts.ts';
import { relaxed } from './relax.ts';
import { numbersIn } from './rules/index.ts';
import { problemsOf } from './unit.ts';
import type { Workshop } from './workshop.ts';

const HELP = 'no top file gives this pillar to a known host: describe one in the fixtures';

/** Renders the pillar files of an environment by themselves: their data, and what is wrong with those nobody is given. */
export async function checkPillarFiles(
  workshop: Workshop,
  host: CheckHost,
  env: string,
): Promise<readonly Diagnostic[]> {
  const { pillars } = workshop;
  const given = new Set(pillars.read);
  const found: Diagnostic[] = [];
  try {
    for await (const { path } of pillars.list('', env)) {
      if (!path.endsWith('.sls') || path === 'top.sls') continue;
      const problems = await checkPillarFile(workshop, host, path, env);
      // Those that were compiled have said what is wrong with them already.
      const isGiven = given.has(`${env}\0${path}`);
      found.push(...problems.filter(({ code }) => !isGiven || code === 'EDGE_REVISION_UNQUOTED'));
    }
  } catch (error) {
    found.push(...problemsOf(error));
  }
  return found;
}

async function checkPillarFile(
  workshop: Workshop,
  host: CheckHost,
  path: string,
  env: string,
): Promise<readonly Diagnostic[]> {
  try {
    const file = await workshop.pillars.open(path, env);
    if (file === undefined) return [];
    const text = new TextDecoder().decode(await file.read());
    const runtime = workshop.pillarRuntimeOf(host);
    const { renderRequest } = await runtime.workplace({ signal: workshop.signal, log: silentLogger, pillar: {} });
    const request = { ...renderRequest(text, path), pillarenv: env };
    const rendered = await runtime.options.renderData({
      ...request,
      decrypt: async (_, data) => ({ value: data, diagnostics: [] }),
    });
    const { value, diagnostics } = rendered;
    const numbers = value?.value instanceof PyMap ? numbersIn(value.value, (at, key) => value.placeOf(at, key)) : [];
    return [
      ...diagnostics.map((problem) => relaxed(problem, HELP)),
      ...numbers.map((finding) => ({
        severity: 'warning' as const,
        code: 'EDGE_REVISION_UNQUOTED' as const,
        ...finding,
      })),
    ];
  } catch (error) {
    return problemsOf(error, { file: path, line: 1 });
  }
}
