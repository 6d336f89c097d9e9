export { createJinja, type Jinja } from './engine.ts';
export { parseJson } from './filters/json-parse.ts';
export { hasMark, splitMarks } from './runtime/later.ts';
export type { Serializers } from './serializers.ts';
