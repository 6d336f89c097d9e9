import { inputSchema, type Schema } from './arguments.ts';
import type { Declarations } from './declarations.ts';

/** Name of a file → its JSON Schema, with which editors complete and check settings. */
export function editorSchemas({ projectFile, minionConfig, pillarSources }: Declarations): ReadonlyMap<string, Schema> {
  const project = inputSchema(projectFile);
  const sources: Schema = {
    oneOf: pillarSources.map((source) => ({
      type: 'object',
      description: source.summary,
      properties: { [source.name]: sourceSchema(source) },
      required: [source.name],
      additionalProperties: false,
    })),
  };
  // What each source takes is read only once its kind is known.
  const sourceList: Schema = { ...project.properties?.ext_pillar, items: sources };
  return new Map([
    ['edge', { ...project, title: 'edge.yaml', properties: { ...project.properties, ext_pillar: sourceList } }],
    ['minion', { ...inputSchema(minionConfig), title: 'Configuration of an edge-minion' }],
  ]);
}

/** The settings of a source of `ext_pillar`. */
export function sourceSchema({ settings }: Declarations['pillarSources'][number]): Schema {
  const { $schema: _version, ...schema } = inputSchema(settings) as Schema & { readonly $schema?: string };
  return schema;
}
