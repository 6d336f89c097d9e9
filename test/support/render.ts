import { createJinja, createRenderData, dumpYaml, loadYaml } from '@edge-run/shared/render';

/** Renders and loads files as the daemons do. */
export const { renderText } = createJinja({ loadYaml, dumpYaml });
export const renderData = createRenderData(renderText);
