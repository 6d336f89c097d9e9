import type { Value } from '../../values/index.ts';
import { emit } from './emit.ts';
import { represent } from './represent.ts';

/** How to write YAML; the names and defaults are PyYAML's. */
export interface DumpOptions {
  /** `{a: 1}` instead of lines; `leaves` does so for lists and mappings of scalars only. Default false. */
  readonly flowStyle?: boolean | 'leaves';
  /** Mappings in the order of their keys. Default true. */
  readonly sortKeys?: boolean;
  /** Spaces per level, 2 to 9. Default 2. */
  readonly indent?: number;
  /** Column after which long lines are broken. Default 80. */
  readonly width?: number;
  /** False escapes everything beyond ASCII. Default true, as in Salt. */
  readonly allowUnicode?: boolean;
  /** Begin with `---`. Default false. */
  readonly explicitStart?: boolean;
  /** End with `...`. Default false. */
  readonly explicitEnd?: boolean;
  /** `sealed` (default) writes `[secret]` for a secret. */
  readonly secrets?: 'sealed' | 'revealed';
}

/**
 * The YAML of a value exactly as PyYAML 6.0 on libyaml 0.2.5 writes it (Salt 3006 `salt.utils.yaml.safe_dump`), with its
 * final line break.
 */
export function dumpYaml(value: Value, options: DumpOptions = {}): string {
  const {
    flowStyle = false,
    sortKeys = true,
    indent = 2,
    width = 80,
    allowUnicode = true,
    secrets = 'sealed',
  } = options;
  const bestIndent = indent >= 2 && indent <= 9 ? indent : 2;
  return emit(represent(value, { flowStyle, sortKeys, secrets }), {
    indent: bestIndent,
    width: width < 0 ? Number.POSITIVE_INFINITY : width <= bestIndent * 2 ? 80 : width,
    allowUnicode,
    explicitStart: options.explicitStart ?? false,
    explicitEnd: options.explicitEnd ?? false,
  });
}

/** What the `yaml` filter prints: in braces unless told otherwise, without white space around it. */
export function formatYaml(value: Value, options: DumpOptions = {}): string {
  return dumpYaml(value, { flowStyle: true, ...options }).trim();
}
