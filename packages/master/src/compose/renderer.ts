import {
  createJinja,
  createRenderData,
  dumpYaml,
  loadYaml,
  type RenderData,
  type RenderText,
} from '@edge-run/shared/render';

/** The renderer of a process; its cache of compiled templates is shared by everything that renders. */
export function createRenderer(): { readonly renderText: RenderText; readonly renderData: RenderData } {
  const { renderText } = createJinja({ loadYaml, dumpYaml });
  return { renderText, renderData: createRenderData(renderText) };
}
