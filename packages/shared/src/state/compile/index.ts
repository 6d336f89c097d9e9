export { compileCatalog, hasSlot, SLOT, textKeys } from './catalog.ts';
export { compile, compileLow, compileRawLow, compileReadable, type ReadablePlan } from './compile.ts';
export { selectStates } from './select.ts';
