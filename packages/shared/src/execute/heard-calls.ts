import type { SourceRange } from '../kernel/index.ts';
import type { TemplateCalls } from '../render/index.ts';
import type { Value } from '../values/index.ts';

/** One call that a template makes while it renders. */
export interface HeardCall {
  readonly name: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  /** Where it stands. */
  readonly place: SourceRange | undefined;
}

/** Hears of a call before it is made. Throws where it is not to be made: the template fails there with what is thrown. */
export type HearCall = (call: HeardCall) => void;

/** The same functions for templates; `hear` is told of each call. */
export function heardCalls(calls: TemplateCalls, hear: HearCall): TemplateCalls {
  return {
    has: (name) => calls.has(name),
    names: () => calls.names(),
    call: (name, args, kwargs, place) => {
      hear({ name, args, kwargs, place });
      return calls.call(name, args, kwargs, place);
    },
  };
}
