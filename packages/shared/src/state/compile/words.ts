import type { RequisiteKind } from '../contract.ts';

/** What a requisite word means: Salt's `onfail` is content with one failed target, `onfail_all` wants all. */
export interface RequisiteWord {
  readonly kind: RequisiteKind;
  readonly quantifier: 'all' | 'any';
}

/** Requisites as authors write them, in the order in which Salt looks at them. */
export const REQUISITE_WORDS: ReadonlyMap<string, RequisiteWord> = new Map<string, RequisiteWord>([
  ['require', { kind: 'require', quantifier: 'all' }],
  ['require_any', { kind: 'require', quantifier: 'any' }],
  ['watch', { kind: 'watch', quantifier: 'all' }],
  ['watch_any', { kind: 'watch', quantifier: 'any' }],
  ['prereq', { kind: 'prereq', quantifier: 'all' }],
  ['onfail', { kind: 'onfail', quantifier: 'any' }],
  ['onfail_any', { kind: 'onfail', quantifier: 'any' }],
  ['onfail_all', { kind: 'onfail', quantifier: 'all' }],
  ['onchanges', { kind: 'onchanges', quantifier: 'all' }],
  ['onchanges_any', { kind: 'onchanges', quantifier: 'any' }],
  ['listen', { kind: 'listen', quantifier: 'any' }],
]);

/** Requisites written on the other end. */
export const REQUISITE_IN_WORDS: ReadonlySet<string> = new Set([
  'require_in',
  'watch_in',
  'prereq_in',
  'onfail_in',
  'onchanges_in',
  'listen_in',
]);

/** Words whose lists are joined, not replaced, by `extend` (Salt 3006 state.py, STATE_REQUISITE_KEYWORDS). */
export const JOINED_WORDS: ReadonlySet<string> = new Set([...REQUISITE_WORDS.keys(), 'prerequired', 'onfail_stop']);

/** Words whose value must be a list of requisites. */
export const LIST_WORDS: ReadonlySet<string> = new Set([
  ...REQUISITE_WORDS.keys(),
  ...REQUISITE_IN_WORDS,
  'use',
  'use_in',
]);

/** Words whose shape Salt looks at before it shows or runs anything. */
export const SALT_VERIFIES: ReadonlySet<string> = new Set(['require', 'watch', 'prereq', 'onchanges']);

/** Everything on a state that is for the runner; the rest are arguments of the function. */
export const RUNNER_WORDS: ReadonlySet<string> = new Set([
  ...JOINED_WORDS,
  ...LIST_WORDS,
  'fun',
  'state',
  'order',
  'names',
  'check_cmd',
  'failhard',
  'onlyif',
  'unless',
  'creates',
  'retry',
  'parallel',
  'aggregate',
  'reload_modules',
  'reload_grains',
  'reload_pillar',
  'runas',
  'runas_password',
  'umask',
  'fire_event',
  'saltenv',
  'test',
]);
