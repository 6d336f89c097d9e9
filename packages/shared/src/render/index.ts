export type {
  JinjaOptions,
  RenderData,
  RenderedData,
  RenderedText,
  RenderLimits,
  RenderRequest,
  RenderText,
  TemplateCalls,
  TemplateLoader,
} from './contract.ts';
export { dumpJson, type JsonDumpOptions, loadJson } from './json.ts';
export type { LoadOptions } from './places.ts';
export { type DumpOptions, dumpYaml, formatYaml } from './yaml/dump.ts';
export { loadSls, loadYaml } from './yaml/load.ts';
