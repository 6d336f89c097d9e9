export type {
  DecryptData,
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
export { floatText } from './float-text.ts';
export { PyRandom } from './jinja/filters/random.ts';
export { createJinja, hasMark, type Jinja, parseJson, type Serializers, splitMarks } from './jinja/index.ts';
export { dumpJson, type JsonDumpOptions, loadJson } from './json.ts';
export { createRenderData } from './pipeline.ts';
export type { LoadOptions } from './places.ts';
export { createRenderer, type Renderer } from './renderer.ts';
export { AggregateList, AggregateMap, aggregate, isAggregate } from './yaml/aggregate.ts';
export { type DumpOptions, dumpYaml, formatYaml } from './yaml/dump.ts';
export { loadSls, loadYaml } from './yaml/load.ts';
