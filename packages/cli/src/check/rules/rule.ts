import type { Diagnostic, ErrorCode } from '@edge-run/shared/kernel';
import type { Fleet } from '../fleet.ts';
import type { Sources } from '../sources.ts';
import type { Unit } from '../unit.ts';
import type { Workshop } from '../workshop.ts';

/** What a rule may look at besides the unit. */
export interface RuleContext {
  readonly workshop: Pick<Workshop, 'catalog'>;
  readonly sources: Sources;
  readonly fleet: Fleet;
  /** saltenv → SLS names, dotted. */
  readonly slsNames: ReadonlyMap<string, readonly string[]>;
  /** True for a `salt://` path that the file roots have. */
  hasFile(uri: string, saltenv: string): Promise<boolean>;
  /** Every path an environment has. */
  filesOf(saltenv: string): Promise<readonly string[]>;
}

/** Something a rule found; the code is the rule's, and so is the severity where it says none. */
export type Finding = Pick<Diagnostic, 'summary' | 'detail' | 'source' | 'chain'> &
  Partial<Pick<Diagnostic, 'severity'>>;

/** One thing that is looked for in what was compiled. Rules change nothing and know of each other nothing. */
export interface Rule {
  /** What its findings are told as; `docs/errors.md` says what it means. */
  readonly code: ErrorCode;
  readonly severity: Diagnostic['severity'];
  /** Units it looks at. */
  readonly units: readonly Unit['kind'][];
  find(unit: Unit, context: RuleContext): readonly Finding[] | Promise<readonly Finding[]>;
}

/** A finding at a place, where it is known. */
export function finding(summary: string, detail: string, source: Diagnostic['source']): Finding {
  return { summary, detail, ...(source === undefined ? {} : { source }) };
}
