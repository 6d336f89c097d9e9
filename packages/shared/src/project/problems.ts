import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Diagnostic, SourceRange } from '../kernel/index.ts';
import { loadSls } from '../render/index.ts';
import { didYouMean } from '../schema/index.ts';
import { PyMap, type Value } from '../values/index.ts';

/** A settings file with the places of its parts. */
export interface PlacedSettings {
  readonly value: PyMap;
  placeOf(container: Value, key: Value): SourceRange | undefined;
}

/** Where settings come from, and what they were held against. */
export interface CheckedSettings {
  readonly file: string;
  readonly schema: z.ZodType;
  /** Where in the file the settings stand; the whole file when absent. */
  readonly under?: Path;
}

type Path = readonly PropertyKey[];

/** Reads a settings file for the places of its parts; one that cannot be read has none. */
export function placedSettings(file: string | undefined): PlacedSettings {
  const nothing = { value: new PyMap(), placeOf: () => undefined };
  if (file === undefined) return nothing;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // Settings that come from no file, or from one that is gone, have no places.
    return nothing;
  }
  const loaded = loadSls(text, { path: file }).value;
  return loaded?.value instanceof PyMap
    ? { value: loaded.value, placeOf: (at, key) => loaded.placeOf(at, key) }
    : nothing;
}

/** Every problem of a settings file, with its place and, for a name that is nearly right, the right one. */
export function settingsProblems(issues: readonly z.core.$ZodIssue[], checked: CheckedSettings): readonly Diagnostic[] {
  const { file, schema, under = [] } = checked;
  const placed = placedSettings(file);
  return issues.flatMap(meantIssues).flatMap((issue) => {
    const path = [...under, ...issue.path];
    const told = (summary: string, at: Path, detail = ''): Diagnostic => {
      const source = placeAt(placed, at);
      return {
        ...{ severity: 'error', code: 'EDGE_CONFIG_INVALID', detail },
        // What has a place is told with its file.
        ...(source === undefined ? { summary: `${file}: ${summary}` } : { summary, source }),
      };
    };
    if (issue.code !== 'unrecognized_keys') return [told(`${path.map(String).join('.')}: ${issue.message}`, path)];
    return issue.keys.map((key) =>
      told(
        `unknown setting \`${[...path, key].map(String).join('.')}\``,
        [...path, key],
        didYouMean(key, keysAt(schema, issue.path)),
      ),
    );
  });
}

/** Of the forms a setting may have, what is wrong with the one that comes nearest to what is written. */
function meantIssues(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const branches = issue.errors.filter((branch) =>
    branch.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys' || code === 'custom'),
  );
  const [meant] = [...branches].sort((a, b) => a.length - b.length);
  if (meant === undefined) return [issue];
  return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })).flatMap(meantIssues);
}

/** The place of the deepest part of a path that stands in the file. */
function placeAt({ value, placeOf }: PlacedSettings, path: Path): SourceRange | undefined {
  let at: Value = value;
  let place: SourceRange | undefined;
  for (const key of path) {
    const name: Value = typeof key === 'number' ? key : String(key);
    place = placeOf(at, name) ?? place;
    const next: Value | undefined = Array.isArray(at)
      ? at[Number(name)]
      : at instanceof PyMap
        ? at.get(name)
        : undefined;
    if (next === undefined) return place;
    at = next;
  }
  return place;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** Names that a mapping at this path may have. */
function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  let found = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema].flatMap(formsOf);
  for (const key of path) {
    found = found.flatMap((form) => {
      const named = form.properties?.[String(key)];
      const inner = [named ?? form.additionalProperties, typeof key === 'number' ? form.items : undefined];
      return inner.flatMap((one) => (typeof one === 'object' ? formsOf(one) : []));
    });
  }
  return [...new Set(found.flatMap((form) => Object.keys(form.properties ?? {})))];
}

function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  return [schema, ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(formsOf)];
}
