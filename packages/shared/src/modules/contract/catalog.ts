import type { ExecutionModule } from './execution.ts';
import type { StateModule } from './state.ts';

/** Every module a process offers, by full name; built from an explicit list, duplicates throw. */
export interface Catalog {
  readonly functions: ReadonlyMap<string, ExecutionModule>;
  readonly states: ReadonlyMap<string, StateModule>;
}
