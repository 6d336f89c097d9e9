import { type Compiled, compiled, type Diagnostic, notCompiled } from '../kernel/index.ts';
import { PyMap } from '../values/index.ts';
import type { RenderData, RenderedData, RenderedText, RenderRequest, RenderText } from './contract.ts';
import { loadJsonData } from './json.ts';
import type { LoadOptions } from './places.ts';
import { loadSls, loadYamlex } from './yaml/load.ts';

/** Loads rendered text into data. */
type LoadText = (text: string, options: LoadOptions) => Compiled<RenderedData>;

/** What a file's first line asks for. */
interface Pipeline {
  readonly jinja: boolean;
  readonly load: LoadText;
  /** What decrypts the loaded values, in order. */
  readonly decryptors: readonly string[];
}

const DEFAULT_PIPELINE: Pipeline = { jinja: true, load: loadSls, decryptors: [] };

const LOADERS: ReadonlyMap<string, LoadText> = new Map<string, LoadText>([
  ['yaml', loadSls],
  ['yamlex', loadYamlex],
  ['json', loadJsonFile],
  ['text', loadText],
]);

/** Renderers that decrypt what another one has loaded. */
const DECRYPTORS: ReadonlySet<string> = new Set(['gpg', 'age']);

/** Salt's older names of pipelines. */
const OLD_NAMES: ReadonlyMap<string, string> = new Map([
  ['yaml_jinja', 'jinja|yaml'],
  ['yamlex_jinja', 'jinja|yamlex'],
  ['json_jinja', 'jinja|json'],
]);

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ...['py', 'pydsl', 'pyobjects'].map(
    (name) => [name, "Edge does not run Python: write the file for 'jinja|yaml'."] as const,
  ),
  ...['mako', 'cheetah', 'genshi', 'wempy'].map((name) => [name, "Write the template for 'jinja'."] as const),
  ['stateconf', "Write the file for 'jinja|yaml', with full ids and explicit requisites."],
  ['nacl', 'Decryption with nacl is not available: take the secret from a secret source instead of the file.'],
  ...['hjson', 'json5', 'toml', 'msgpack', 'dson'].map(
    (name) => [name, "Write the file for 'yaml' or 'json'."] as const,
  ),
]);

/**
 * Builds the function that renders and loads files: the renderers named in the first line (`#!jinja|yaml` where there is
 * none; `#!yaml`, `#!yamlex`, `#!json`, `#!text`, `#!jinja`), one after the other. A text of white space is an empty
 * mapping; `text`, and `jinja` alone, give the text itself.
 */
export function createRenderData(renderText: RenderText): RenderData {
  return async (request) => {
    const found = findPipeline(request);
    if (found.value === undefined) return notCompiled(found.diagnostics);
    if (request.text.trim() === '') return compiled({ value: new PyMap(), placeOf: () => undefined });
    const loaded = await loadFile(request, found.value, renderText);
    const { decryptors } = found.value;
    if (decryptors.length === 0 || loaded.value === undefined) return loaded;
    if (request.decrypt === undefined) return notCompiled([onlyInPillars(decryptors, request)]);
    const decrypted = await request.decrypt(decryptors, loaded.value);
    return { value: decrypted.value, diagnostics: [...loaded.diagnostics, ...decrypted.diagnostics] };
  };
}

async function loadFile(
  request: RenderRequest,
  { jinja, load }: Pipeline,
  renderText: RenderText,
): Promise<Compiled<RenderedData>> {
  if (!jinja) return load(request.text, { path: request.path });
  const rendered = await renderText(request);
  return rendered.value
    ? loadRendered(rendered.value, rendered.diagnostics, request.path, load)
    : notCompiled(rendered.diagnostics);
}

function loadRendered(
  rendered: RenderedText,
  remarks: readonly Diagnostic[],
  path: string,
  load: LoadText,
): Compiled<RenderedData> {
  const result = load(rendered.text, { path, origin: (line) => rendered.origin(line) });
  return { value: result.value, diagnostics: [...remarks, ...result.diagnostics] };
}

/** A `#!` line that is a path belongs to some other program. */
function findPipeline(request: RenderRequest): Compiled<Pipeline> {
  const line = /^.*/.exec(request.text)![0];
  if (!line.startsWith('#!') || line.startsWith('#!/')) return compiled(DEFAULT_PIPELINE);
  const written = line.slice(2).trim();
  // What follows a name are arguments that change nothing here (`yaml -o` keeps the order of keys, as Edge always does).
  const names = (OLD_NAMES.get(written) ?? written).split('|').map((part) => part.trim().split(/\s/)[0]!);
  const unknown = names.find((name) => name !== 'jinja' && !LOADERS.has(name) && !DECRYPTORS.has(name));
  if (unknown !== undefined) return notCompiled([unknownRenderer(unknown, line, request.path)]);
  const loaders = names.filter((name) => LOADERS.has(name));
  const decryptors = names.filter((name) => DECRYPTORS.has(name));
  const isOrdered = names.slice(names.length - decryptors.length).every((name) => DECRYPTORS.has(name));
  if (names.lastIndexOf('jinja') > 0 || loaders.length > 1 || !isOrdered) {
    return notCompiled([wrongOrder(line, request.path)]);
  }
  return compiled({ jinja: names[0] === 'jinja', load: LOADERS.get(loaders[0] ?? 'text')!, decryptors });
}

function onlyInPillars(names: readonly string[], { path }: RenderRequest): Diagnostic {
  return {
    severity: 'error',
    code: 'EDGE_UNKNOWN_RENDERER',
    summary: `${names.join(' and ')} can be used in pillars only`,
    detail: 'Put the secret into a pillar, and use it here as {{ pillar.… }}.',
    source: { file: path, line: 1 },
  };
}

function unknownRenderer(name: string, line: string, file: string): Diagnostic {
  const column = line.indexOf(name, 2) + 1;
  return {
    severity: 'error',
    code: 'EDGE_UNKNOWN_RENDERER',
    summary: name === '' ? "'#!' is followed by no renderer" : `there is no renderer '${name}'`,
    detail:
      INSTEAD.get(name) ??
      "Renderers are jinja, then one of yaml, yamlex, json and text, then gpg or age: '#!jinja|yaml|gpg'.",
    source: { file, line: 1, column, endColumn: column + Math.max(name.length, 1), text: line },
  };
}

function wrongOrder(line: string, file: string): Diagnostic {
  return {
    severity: 'error',
    code: 'EDGE_UNKNOWN_RENDERER',
    summary: 'these renderers cannot follow each other',
    detail: "Write jinja first, then one of yaml, yamlex, json and text, then gpg or age: '#!jinja|yaml|gpg'.",
    source: { file, line: 1, column: 3, endColumn: line.length + 1, text: line },
  };
}

/** JSON has no comments: the `#!` line is blanked out, so that all lines keep their numbers. */
function loadJsonFile(text: string, options: LoadOptions): Compiled<RenderedData> {
  return loadJsonData(text.startsWith('#!') ? text.replace(/^.*/, '') : text, options);
}

function loadText(text: string): Compiled<RenderedData> {
  return compiled({ value: text, placeOf: () => undefined });
}
