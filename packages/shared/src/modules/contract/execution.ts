import type { z } from 'zod';
import type { Host } from '../../host/index.ts';
import type { Declaration } from '../../schema/index.ts';
import type { ModuleContext } from './context.ts';

interface ExecutionBase<A extends z.ZodObject> extends Declaration<A> {
  /** One sentence on what is answered. */
  readonly returns: string;
  /** False for an answer that means failure (non-zero return code for the job); default: never. */
  readonly failed?: (answer: unknown) => boolean;
}

/** A function that only looks; also callable while a plan is made. */
export interface ReadFunction<A extends z.ZodObject = z.ZodObject> extends ExecutionBase<A> {
  readonly access: 'read';
  run(args: z.output<A>, ctx: ModuleContext): Promise<unknown>;
}

/** A function that may change the host. */
export interface WriteFunction<A extends z.ZodObject = z.ZodObject> extends ExecutionBase<A> {
  readonly access: 'write';
  run(args: z.output<A>, ctx: ModuleContext<Host>): Promise<unknown>;
  /**
   * What `run` would change, for plans; `left` has what calls before it leave behind. Undefined where that cannot be
   * told. Absent: it never can.
   */
  foresee?(
    args: z.output<A>,
    ctx: ModuleContext,
    left: ReadonlyMap<string, string>,
  ): Promise<ForeseenChange | undefined>;
}

/** What a call of a function would change. */
export interface ForeseenChange {
  /** In the words users use → what it is and what it would be; empty: nothing. */
  readonly changes: Readonly<Record<string, { readonly old: string; readonly new: string }>>;
  /** What later calls would find: `supervisord shop` → `STOPPED`. */
  readonly leaves: Readonly<Record<string, string>>;
  /** True when the host was looked at; false when all of it follows from what was left behind. */
  readonly isLook: boolean;
}

/** An execution module's function: `cmd.run`. The answer is JavaScript data or a Value. */
export type ExecutionModule<A extends z.ZodObject = z.ZodObject> = ReadFunction<A> | WriteFunction<A>;

/** Declares a function that only looks. */
export function defineRead<A extends z.ZodObject>(module: Omit<ReadFunction<A>, 'access'>): ReadFunction {
  return { access: 'read', ...module } as unknown as ReadFunction;
}

/** Declares a function that may change the host. */
export function defineWrite<A extends z.ZodObject>(module: Omit<WriteFunction<A>, 'access'>): WriteFunction {
  return { access: 'write', ...module } as unknown as WriteFunction;
}

/**
 * An answer with a return code of its own, as `cmd.run` has. Whoever runs a function takes it apart: callers within
 * templates and modules get `answer`, the job gets `retcode` too.
 */
export class CodedAnswer {
  readonly answer: unknown;
  /** 0 is success. */
  readonly retcode: number;

  constructor(answer: unknown, retcode: number) {
    this.answer = answer;
    this.retcode = retcode;
  }
}

/** What a function answered and its return code, whether or not it gave one; `failed` answers count as 1. */
export function takeApart(module: ExecutionModule, answer: unknown): { answer: unknown; retcode: number } {
  if (answer instanceof CodedAnswer) return { answer: answer.answer, retcode: answer.retcode };
  return { answer, retcode: module.failed?.(answer) === true ? 1 : 0 };
}
