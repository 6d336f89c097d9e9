import type { RenderData, RenderText } from './contract.ts';
import { createJinja } from './jinja/index.ts';
import { createRenderData } from './pipeline.ts';
import { dumpYaml } from './yaml/dump.ts';
import { loadYaml } from './yaml/load.ts';

/** What renders everything in a process. */
export interface Renderer {
  readonly renderText: RenderText;
  readonly renderData: RenderData;
}

/** The renderer of a process; its cache of compiled templates is shared by everything that renders. */
export function createRenderer(): Renderer {
  const { renderText } = createJinja({ loadYaml, dumpYaml });
  return { renderText, renderData: createRenderData(renderText) };
}
