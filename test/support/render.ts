import { createRenderData, type RenderText } from '@edge-run/shared/render';

/** Stands in for Jinja. */
export const renderText: RenderText = async (request) => ({
  value: { text: request.text, origin: (line) => ({ file: request.path, line }) },
  diagnostics: [],
});

/** Renders and loads files as the daemons do. */
export const renderData = createRenderData(renderText);
