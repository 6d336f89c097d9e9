import { createJinja, createRenderData, dumpYaml, loadYaml, type RenderData } from '@edge-run/shared/render';

/** The renderer of SLS files as the daemons put it together. */
export function realRenderData(): RenderData {
  const { renderText } = createJinja({
    loadYaml: (text) => loadYaml(text),
    dumpYaml: (value, { flowStyle }) => dumpYaml(value, { flowStyle }),
  });
  return createRenderData(renderText);
}
