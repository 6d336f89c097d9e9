import type { z } from 'zod';
import type { Host } from '../../host/index.ts';
import type { StateVerb } from '../../protocol/plain/index.ts';
import type { Declaration } from '../../schema/index.ts';
import type { Value } from '../../values/index.ts';
import type { Facts, ModuleContext } from './context.ts';

/** What applying a change may say about itself; wins over what the runner would say. */
export interface ApplyOutcome {
  /** Replaces the changes shown; JavaScript data or a Value. */
  readonly changes?: unknown;
  readonly result?: boolean | null;
  readonly comment?: string;
  /** What it found out beside its changes: Salt's `data` of states that ask. JavaScript data or a Value. */
  readonly data?: unknown;
}

/** One thing that is not as it should be, and the code that makes it so. */
export interface Change {
  /** In the words users use: `user app: exists`. */
  readonly what: string;
  /** null: it was not there. */
  readonly before: unknown;
  /** null: it is gone. */
  readonly after: unknown;
  /** Needed only where `before` and `after` do not say it; absent: from null is `add`, to null is `remove`. */
  readonly verb?: StateVerb;
  /** Salt's entry for the `changes` return, where its shape is known (`{diff: …}`, `{path: {directory: new}}`); merged in order. */
  readonly changes?: unknown;
  /** Unified diff of text. */
  readonly diff?: string;
  /** The diff and values are secret: shown as `[secret]`. */
  readonly sealed?: boolean;
  apply(ctx: ModuleContext<Host>): Promise<ApplyOutcome | undefined>;
}

/** What looking found. */
export type Verdict =
  | { readonly kind: 'in-sync'; readonly comment?: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'changes';
      readonly changes: readonly Change[];
      readonly comment?: string;
      /** Result of a run that only looks; null (it would change) unless told. */
      readonly foreseen?: boolean | null;
    };

/** A look at a path: at itself, or with its content and through symlinks. */
export interface FirstLook {
  readonly path: string;
  readonly by: 'stat' | 'look';
}

/** A state: `file.managed`. */
export interface StateModule<A extends z.ZodObject = z.ZodObject> extends Declaration<A> {
  /** A repair is looked at again after it was applied; an action is not. */
  readonly effect: 'repair' | 'action';
  /** How long a repair may take to show, milliseconds; default 0. */
  readonly settleMs?: number;
  /** Programs that must be on the host; `mariadb|mysql` is one of the two. */
  readonly needs?: readonly string[];
  /** True, or the reason why the state cannot be used on such a host. */
  supports?(facts: Facts): true | string;
  /** What the return shows as `name`, where it is not the state's (Salt's `module.run` lists its functions). */
  shownName?(args: z.output<A>): string | readonly string[] | undefined;
  /** Looks; changes nothing. Named `test=True` results follow from the verdict. */
  check(args: z.output<A>, ctx: ModuleContext): Promise<Verdict>;
  /**
   * The look `check` begins with, of a state of this name: a host that is far away is asked for those of several states at
   * once. Nothing may come before it that changes the host.
   */
  firstLook?(name: string): FirstLook | undefined;
  /** Runs when a watched state changed and this one did not; its result replaces the state's. */
  onWatch?(args: z.output<A>, ctx: ModuleContext): Promise<Verdict>;
  /** Salt's `mod_aggregate`: merges the arguments of waiting states of the same module into the first. */
  aggregate?(args: Value, waiting: readonly Value[]): Value;
}

/** Declares a state. */
export function defineState<A extends z.ZodObject>(module: StateModule<A>): StateModule {
  return module as unknown as StateModule;
}

/** What several changes of one state do, in one word: `change` where they do different things. */
export function verbOf(changes: readonly Change[]): StateVerb {
  const verbs = changes.map(verbOfOne);
  const [first = 'change', ...others] = verbs;
  if (others.every((verb) => verb === first)) return first;
  // What is made new, or acted on, is also given its attributes; what loses a part is changed.
  return first === 'remove' ? 'change' : first;
}

function verbOfOne({ verb, before, after }: Change): StateVerb {
  if (verb !== undefined) return verb;
  const [was, is] = [before ?? null, after ?? null];
  if (was === null) return is === null ? 'change' : 'add';
  return is === null ? 'remove' : 'change';
}

/** The host is as the state wants it. */
export function inSync(comment?: string): Verdict {
  return comment === undefined ? { kind: 'in-sync' } : { kind: 'in-sync', comment };
}

/** The state cannot be made true; nothing is changed and the state fails. */
export function refused(reason: string): Verdict {
  return { kind: 'refused', reason };
}

/** The changes among `candidates`; `true` stands for what is already as it should be. */
export function changesOf(...candidates: readonly (Change | true)[]): Verdict {
  const changes = candidates.filter((candidate): candidate is Change => candidate !== true);
  return changes.length === 0 ? inSync() : { kind: 'changes', changes };
}
