const YAML = 'tag:yaml.org,2002:';

/** The tags of YAML 1.1 that loader and dumper know by name. */
export const YAML_TAG = {
  null: `${YAML}null`,
  bool: `${YAML}bool`,
  int: `${YAML}int`,
  float: `${YAML}float`,
  binary: `${YAML}binary`,
  timestamp: `${YAML}timestamp`,
  omap: `${YAML}omap`,
  pairs: `${YAML}pairs`,
  set: `${YAML}set`,
  str: `${YAML}str`,
  seq: `${YAML}seq`,
  map: `${YAML}map`,
  merge: `${YAML}merge`,
  value: `${YAML}value`,
  unicode: `${YAML}python/unicode`,
} as const;

/** What a plain scalar may be, by its first character; the patterns are those of the YAML 1.1 type repository as PyYAML 6 has them. */
const RULES: readonly { readonly tag: string; readonly first: string; readonly pattern: RegExp }[] = [
  {
    tag: YAML_TAG.bool,
    first: 'yYnNtTfFoO',
    pattern: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  },
  {
    tag: YAML_TAG.float,
    first: '-+0123456789.',
    pattern:
      /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  },
  {
    tag: YAML_TAG.int,
    first: '-+0123456789',
    pattern:
      /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
  },
  { tag: YAML_TAG.merge, first: '<', pattern: /^<<$/ },
  { tag: YAML_TAG.null, first: '~nN', pattern: /^(?:~|null|Null|NULL)$/ },
  {
    tag: YAML_TAG.timestamp,
    first: '0123456789',
    pattern:
      /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/,
  },
  { tag: YAML_TAG.value, first: '=', pattern: /^=$/ },
];

const BY_FIRST = new Map<string, { tag: string; pattern: RegExp }[]>();
for (const { tag, first, pattern } of RULES) {
  for (const char of first) BY_FIRST.set(char, [...(BY_FIRST.get(char) ?? []), { tag, pattern }]);
}

/** The tag a plain scalar has by its look; what looks like nothing in particular is text. */
export function resolvePlain(text: string): string {
  if (text === '') return YAML_TAG.null;
  return BY_FIRST.get(text.charAt(0))?.find(({ pattern }) => pattern.test(text))?.tag ?? YAML_TAG.str;
}

/** `!!int` for the long form, local tags as they are: how people write tags. */
export function shortTag(tag: string): string {
  return tag.startsWith(YAML) ? `!!${tag.slice(YAML.length)}` : tag;
}
