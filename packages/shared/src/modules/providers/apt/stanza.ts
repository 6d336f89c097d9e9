import { type AptSource, wordsOf } from './source.ts';

/** Fields of a stanza and the options of a one-line source that say the same (`sources.list(5)`); their words are a list. */
const LISTS: Readonly<Record<string, string>> = { Architectures: 'arch', Languages: 'lang', Targets: 'target' };
/** Those that have one value, in either form by the same name. */
const SINGLE = [
  ...['Signed-By', 'Trusted', 'Allow-Insecure', 'Allow-Weak', 'Allow-Downgrade-To-Insecure', 'By-Hash', 'PDiffs'],
  ...[
    'Check-Valid-Until',
    'Valid-Until-Min',
    'Valid-Until-Max',
    'Check-Date',
    'Date-Max-Future',
    'InRelease-Path',
    'Snapshot',
  ],
];
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(LISTS),
  ...SINGLE.map((field): [string, string] => [field, field.toLowerCase()]),
]);

/** The sources a stanza of a `.sources` file stands for: each of its types, addresses and suites with each other. */
export function readStanza(text: string): readonly AptSource[] {
  const field = (name: string): string => fieldValue(text, name) ?? '';
  const options = new Map(
    [...OPTIONS].flatMap(([name, option]) => {
      const value = field(name);
      if (value === '') return [];
      return [[option, name in LISTS ? wordsOf(value).join(',') : value] as const];
    }),
  );
  const isDisabled = /^(no|false|without|off|disable|0)$/i.test(field('enabled'));
  const types = wordsOf(field('types')).filter((type) => type === 'deb' || type === 'deb-src');
  return types.flatMap((type) =>
    wordsOf(field('uris')).flatMap((uri) =>
      wordsOf(field('suites')).map((dist) => ({
        ...{ type, options, uri, dist, isDisabled, comment: '' },
        comps: wordsOf(field('components')),
      })),
    ),
  );
}

/** A stanza for one source, without the empty line behind it. */
export function formatStanza({ type, options, uri, dist, comps, isDisabled, comment }: AptSource): string {
  return [
    ...(comment === '' ? [] : [`# ${comment}`]),
    ...(isDisabled ? ['Enabled: no'] : []),
    `Types: ${type}`,
    `URIs: ${uri}`,
    `Suites: ${dist}`,
    ...(comps.length === 0 ? [] : [`Components: ${comps.join(' ')}`]),
    ...[...options].map(([name, value]) => `${fieldOfOption(name)}: ${fieldText(name, value)}`),
    '',
  ].join('\n');
}

/**
 * A stanza in which one of its sources is another, or gone. Fields that are as they should be keep their letters, and
 * those that the new source does not speak of stay. A stanza for several sources is taken apart, so that the others stay
 * what they were; empty when none is left.
 */
export function editStanza(text: string, was: AptSource, becomes: AptSource | undefined): string {
  const types = wordsOf(fieldValue(text, 'types') ?? '');
  const uris = wordsOf(fieldValue(text, 'uris') ?? '');
  const suites = wordsOf(fieldValue(text, 'suites') ?? '');
  const without = (words: readonly string[], word: string): string => words.filter((other) => other !== word).join(' ');
  const others = [
    narrowed(text, { types: without(types, was.type) }),
    narrowed(text, { types: was.type, uris: without(uris, was.uri) }),
    narrowed(text, { types: was.type, uris: was.uri, suites: without(suites, was.dist) }),
  ];
  const own = narrowed(text, { types: was.type, uris: was.uri, suites: was.dist });
  const edited = own === undefined || becomes === undefined ? undefined : withSource(own, was, becomes);
  const kept = [...others, edited].filter((stanza) => stanza !== undefined);
  return kept.length < 2
    ? kept.join('')
    : kept.map((stanza) => (stanza.endsWith('\n') ? stanza : `${stanza}\n`)).join('\n');
}

/** The stanza with other words in some fields; undefined where a field would be empty. */
function narrowed(text: string, fields: Readonly<Record<string, string>>): string | undefined {
  let result = text;
  for (const [name, value] of Object.entries(fields)) {
    if (value === '') return undefined;
    if (wordsOf(fieldValue(result, name) ?? '').join(' ') !== value) result = setField(result, name, value);
  }
  return result;
}

function withSource(text: string, was: AptSource, becomes: AptSource): string {
  const fields: [string, string, string][] = [
    ['Enabled', was.isDisabled ? 'no' : '', becomes.isDisabled ? 'no' : ''],
    ['Suites', was.dist, becomes.dist],
    ['Components', was.comps.join(' '), becomes.comps.join(' ')],
    ...[...becomes.options].map(([name, value]): [string, string, string] => [
      fieldOfOption(name),
      was.options.get(name) ?? '',
      value,
    ]),
  ];
  return fields
    .filter(([, before, after]) => before !== after)
    .reduce(
      (result, [name, , after]) => setField(result, name, after === '' ? undefined : fieldText(name, after)),
      text,
    );
}

/** The value of a field with its further lines; comments between them do not belong to it. */
function fieldValue(text: string, name: string): string | undefined {
  const found = fieldLines(text, name);
  if (found === undefined) return undefined;
  const [first = '', ...more] = text.split('\n').slice(found.start, found.end);
  return [first.slice(first.indexOf(':') + 1), ...more.filter((line) => !line.startsWith('#'))]
    .map((line) => line.trim())
    .join('\n')
    .trim();
}

/** The stanza with a field of another value, in its place or behind the others; undefined takes it away. */
function setField(text: string, name: string, value: string | undefined): string {
  const lines = text.split('\n');
  const found = fieldLines(text, name);
  if (found === undefined) {
    if (value === undefined) return text;
    const last = lines.findLastIndex((line) => line.trim() !== '');
    return [
      ...lines.slice(0, last + 1),
      `${name}: ${value}`,
      ...(lines.length > last + 1 ? lines.slice(last + 1) : ['']),
    ].join('\n');
  }
  const written = lines[found.start]!.slice(0, lines[found.start]!.indexOf(':'));
  return [
    ...lines.slice(0, found.start),
    ...(value === undefined ? [] : [`${written}: ${value}`]),
    ...lines.slice(found.end),
  ].join('\n');
}

/** Where a field begins, and the line behind its last. */
function fieldLines(text: string, name: string): { readonly start: number; readonly end: number } | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  if (start === -1) return undefined;
  let end = start + 1;
  for (let at = end; at < lines.length && /^[ \t#]/.test(lines[at]!); at += 1)
    if (!lines[at]!.startsWith('#')) end = at + 1;
  return { start, end };
}

function fieldOfOption(option: string): string {
  return [...OPTIONS].find(([, other]) => other === option)?.[0] ?? option;
}

function fieldText(name: string, value: string): string {
  return name in LISTS ? value.replaceAll(',', ' ') : value;
}
