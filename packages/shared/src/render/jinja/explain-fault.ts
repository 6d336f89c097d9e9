import { type Diagnostic, DiagnosticsError, type SourceRange } from '../../kernel/index.ts';
import { nearest } from '../../schema/index.ts';
import type { RenderRequest } from '../contract.ts';
import { loadJson } from '../json.ts';
import { faultDiagnostic, rangeOf } from './report.ts';
import type { Frame, PyFault } from './runtime/fault.ts';

/**
 * The diagnostics of a fault while rendering, after a look at the files it speaks of: the problems of data that a
 * template loads (`import_yaml`, `load_json`, …) have their own places, and a missing template the name that was meant.
 */
export async function explainFault(fault: PyFault, request: RenderRequest): Promise<Diagnostic[]> {
  const told = faultDiagnostic(fault, request.path);
  if (fault.type === 'TemplateNotFound') {
    const meant = await request.loader.near?.(fault.message).catch(() => undefined);
    return [meant === undefined ? told : { ...told, detail: `Did you mean '${meant}'?` }];
  }
  const undefinedName = /^'(\w+)' is undefined$/.exec(fault.message)?.[1];
  if (undefinedName !== undefined && told.detail === '') {
    const meant = nearest(undefinedName, await namesSetIn(told.source?.file, request));
    return [meant === undefined ? told : { ...told, detail: `Did you mean '${meant}'?` }];
  }
  const problems = dataProblems(fault);
  const [place] = fault.trail;
  if (problems.length === 0 || place === undefined) return [told];
  const file = await importedFile(place, request);
  return problems.map((problem) => placed(problem, fault.trail, file));
}

/** What is wrong with the data itself. */
function dataProblems(fault: PyFault): readonly Diagnostic[] {
  if (fault.cause instanceof DiagnosticsError) return fault.cause.diagnostics;
  const json = /^Unable to load json from (.*)$/s.exec(fault.message);
  if (json === null) return [];
  try {
    loadJson(json[1]!);
    return [];
  } catch (error) {
    if (error instanceof DiagnosticsError) return error.diagnostics;
    throw error;
  }
}

interface ImportedFile {
  readonly path: string;
  readonly lines: readonly string[];
}

/** The file of an `import_yaml` or `import_json` tag whose name is written out. */
async function importedFile({ path, text = '' }: Frame, { loader }: RenderRequest): Promise<ImportedFile | undefined> {
  const name = /\bimport_(?:yaml|json)\s+(['"])(.+?)\1/.exec(text)?.[2];
  if (name === undefined) return undefined;
  const beside = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
  const file = await loader.load(name.startsWith('./') ? beside + name.slice(2) : name).catch(() => undefined);
  return file && { path: file.path, lines: file.text.split('\n') };
}

/** At the author's line where the data reads there as it was loaded, else at the tag with the rendered line behind it. */
function placed(problem: Diagnostic, trail: readonly Frame[], file: ImportedFile | undefined): Diagnostic {
  const [tag, ...outer] = trail.map(rangeOf);
  const { source, chain = [] } = problem;
  if (source === undefined) return { ...problem, source: tag!, chain: outer };
  const isAuthored = (place: SourceRange): boolean => file?.lines[place.line - 1] === place.text;
  if (file !== undefined && isAuthored(source)) {
    const inFile = chain.map((place) => ({ ...place, file: file.path }));
    return { ...problem, source: { ...source, file: file.path }, chain: [...inFile, tag!, ...outer] };
  }
  const rendered = { ...source, file: `${file?.path ?? tag!.file} (rendered)`, role: 'rendered' as const };
  return { ...problem, source: tag!, chain: [rendered, ...outer] };
}

/** Names that the tags of a template set; which of them are in reach where it failed does not matter to a suggestion. */
async function namesSetIn(path: string | undefined, request: RenderRequest): Promise<readonly string[]> {
  if (path === undefined) return [];
  const file = path === request.path ? request : await request.loader.load(path).catch(() => undefined);
  const tags = file?.text.matchAll(/\{%[-+]?\s*(?:set|macro|for|from|import(?:_\w+)?)\s([^=%]*)/g) ?? [];
  return [...tags].flatMap(([, names = '']) => names.replace(/'[^']*'|"[^"]*"/g, '').match(/[A-Za-z_]\w*/g) ?? []);
}
