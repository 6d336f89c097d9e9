export { compileCatalog, textKeys } from './catalog.ts';
export { compile, compileLow, compileRawLow, compileReadable, type ReadablePlan } from './compile.ts';
export { hasSlot, isLate, isOpen, SLOT } from './open-values.ts';
export { selectStates } from './select.ts';
