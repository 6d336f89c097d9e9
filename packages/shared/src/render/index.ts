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
export { type LoadOptions, loadSls, loadYaml } from './yaml/load.ts';
