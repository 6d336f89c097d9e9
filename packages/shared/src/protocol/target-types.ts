/** The types of target Salt knows, by the names `tgt_type` and `match:` use. */
export const TARGET_TYPES = [
  'glob',
  'pcre',
  'list',
  'grain',
  'grain_pcre',
  'pillar',
  'pillar_pcre',
  'pillar_exact',
  'ipcidr',
  'nodegroup',
  'range',
  'compound',
] as const;
/** How a target expression is read. */
export type TargetType = (typeof TARGET_TYPES)[number];
