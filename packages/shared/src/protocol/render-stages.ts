/** How far a file can be rendered: text after its templates, its data, the high data it adds up to, its states in order. */
export const RENDER_STAGES = ['jinja', 'yaml', 'high', 'low'] as const;
/** A stage of rendering, by the name `edge-run render --stage` takes. */
export type RenderStage = (typeof RENDER_STAGES)[number];
