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
export { createJinja, type Jinja, parseJson, type Serializers } from './jinja/index.ts';
