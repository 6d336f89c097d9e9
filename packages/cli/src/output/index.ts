export { renderError } from './errors.ts';
export { renderStates } from './highstate.ts';
export { renderOrchPlan } from './orch-plan.ts';
export { renderRunTree, type TreeOptions } from './run-tree.ts';
export { plainStyle, type Style, sanitize, truncate, visibleWidth } from './style.ts';
export { type Column, renderTable } from './table.ts';
export { formatAge, formatDuration } from './times.ts';
export { formatInline, formatValue, plainJson } from './values.ts';
