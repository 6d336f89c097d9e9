import { DiagnosticsError, EdgeError } from '../../kernel/index.ts';
import { loadJson, loadYaml } from '../../render/index.ts';
import { PyMap, type Value } from '../../values/index.ts';

/** How a source writes its data. */
export type DataFormat = 'json' | 'yaml';

/**
 * The mapping a text of a source holds; nothing at all is an empty one.
 *
 * @throws EdgeError `EDGE_PILLAR_SOURCE_FAILED` that says where the text goes wrong, without repeating it
 */
export function parseData(text: string, format: DataFormat, from: string): PyMap {
  const value = load(text, format, from);
  if (value === null) return new PyMap();
  if (value instanceof PyMap) return value;
  throw new EdgeError('EDGE_PILLAR_SOURCE_FAILED', `${from} answered ${format} that is not a mapping`, { from });
}

function load(text: string, format: DataFormat, from: string): Value {
  if (text.trim() === '') return null;
  try {
    return format === 'json' ? loadJson(text, from) : loadYaml(text, from);
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error;
    const [first] = error.diagnostics;
    const line = first?.source === undefined ? '' : ` (line ${first.source.line})`;
    throw new EdgeError(
      'EDGE_PILLAR_SOURCE_FAILED',
      `${from} did not answer ${format}: ${first?.summary ?? ''}${line}`,
      {
        from,
      },
    );
  }
}
