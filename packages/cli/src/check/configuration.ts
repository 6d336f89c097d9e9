import { type Diagnostic, ERROR_CODES, type SourceRange } from '@edge-run/shared/kernel';
import { type PlacedSettings, projectProblems } from '@edge-run/shared/project';
import { parseSchedules } from '@edge-run/shared/schedule';
import { didYouMean } from '@edge-run/shared/schema';
import { PyMap, toPlain } from '@edge-run/shared/values';
import type { CallChecker } from './calls.ts';
import type { CheckedTree } from './tree.ts';

/** Settings that no master knows, and values that it would refuse. */
export function checkSettings({ configFile, config }: CheckedTree): readonly Diagnostic[] {
  // Of reactors and schedules more is told elsewhere.
  const { reactor: _reactor, schedule: _schedule, ...settings } = config;
  return configFile === undefined ? [] : projectProblems(configFile, settings);
}

/** Codes under `check: rules:` that no rule has. */
export function checkRuleNames(tree: CheckedTree, config: PlacedSettings): readonly Diagnostic[] {
  const check = config.value.get('check');
  const rules = check instanceof PyMap ? check.get('rules') : undefined;
  return Object.keys(tree.settings.check.rules)
    .filter((code) => !(code in ERROR_CODES))
    .map((code) => ({
      severity: 'error',
      code: 'EDGE_CONFIG_INVALID',
      summary: `check: there is no code \`${code}\``,
      detail: didYouMean(code, Object.keys(ERROR_CODES)) || 'docs/errors.md lists them',
      ...placed(rules instanceof PyMap ? config.placeOf(rules, code) : undefined),
    }));
}

/** What is wrong with `schedule`: times, functions, arguments, orchestrations. */
export function checkSchedules(config: PlacedSettings, calls: CallChecker): readonly Diagnostic[] {
  const schedules = config.value.get('schedule');
  if (schedules === undefined || schedules === null) return [];
  if (!(schedules instanceof PyMap)) return [shape('schedule', 'a mapping of names', config)];
  return [...schedules].flatMap(([name, definition]) => {
    const at = config.placeOf(schedules, name);
    if (!(definition instanceof PyMap)) return [shape(`schedule \`${String(name)}\``, 'a mapping', config, at)];
    const plain = toPlain(definition) as Readonly<Record<string, unknown>>;
    const { jobs, diagnostics } = parseSchedules({ [String(name)]: plain }, calls.names('runner'));
    const told = diagnostics.map((diagnostic) => {
      const key = /`, `([^`.]+)/.exec(diagnostic.summary)?.[1];
      return { ...diagnostic, ...placed((key === undefined ? undefined : config.placeOf(definition, key)) ?? at) };
    });
    const later = jobs.flatMap(({ work }) =>
      calls.problemsOf({
        callee: work.kind === 'job' ? 'hosts' : 'runner',
        ...{ fun: work.fun, args: work.args, kwargs: work.kwargs },
        source: config.placeOf(definition, 'function') ?? at,
        who: `schedule \`${String(name)}\``,
      }),
    );
    return [...told, ...later];
  });
}

/** One file that reacts to a tag. */
export interface ReactorEntry {
  readonly tag: string;
  readonly uri: string;
  readonly source: SourceRange | undefined;
}

/** The files of `reactor`, and what is wrong with its shape. */
export function reactorEntries(config: PlacedSettings): {
  readonly entries: readonly ReactorEntry[];
  readonly diagnostics: readonly Diagnostic[];
} {
  const reactor = config.value.get('reactor');
  if (reactor === undefined || reactor === null) return { entries: [], diagnostics: [] };
  if (!Array.isArray(reactor)) return { entries: [], diagnostics: [shape('reactor', 'a list of tags', config)] };
  const entries: ReactorEntry[] = [];
  const diagnostics: Diagnostic[] = [];
  reactor.forEach((entry, index) => {
    const at = config.placeOf(reactor, index);
    if (!(entry instanceof PyMap) || entry.size !== 1) {
      diagnostics.push(shape(`reactor: entry ${index + 1}`, 'one tag with its files', config, at));
      return;
    }
    const [tag, files] = [...entry][0]!;
    const list = Array.isArray(files) ? files : [files];
    list.forEach((uri, place) => {
      const source =
        (Array.isArray(files) ? config.placeOf(files, place) : undefined) ?? config.placeOf(entry, tag) ?? at;
      if (typeof uri === 'string') entries.push({ tag: String(tag), uri, source });
      else diagnostics.push(shape(`reactor: a file of \`${String(tag)}\``, 'a path', config, source));
    });
  });
  return { entries, diagnostics };
}

function shape(what: string, wanted: string, config: PlacedSettings, source?: SourceRange): Diagnostic {
  const place = source ?? config.placeOf(config.value, what);
  return {
    severity: 'error',
    code: 'EDGE_CONFIG_INVALID',
    summary: `${what} is not ${wanted}`,
    detail: '',
    ...placed(place),
  };
}

function placed(source: SourceRange | undefined): { readonly source?: SourceRange } {
  return source === undefined ? {} : { source };
}
