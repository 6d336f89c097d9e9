import { z } from 'zod';
import { EdgeError, Secret } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { ModuleContext } from '../contract/index.ts';
import { readIfPresent } from '../operations/index.ts';
import { decodeText, type IniOptions, IniText, pythonText } from '../text/index.ts';

/** How an INI file is to be read. */
export const iniArgs = {
  separator: z.string().default('=').describe('What stands between name and value; white space means any.'),
  encoding: z
    .string()
    .optional()
    .describe('How its text is kept: utf-8, utf-16, latin-1 or ascii; utf-8 where absent.'),
};

/** Whether lines that are written have blanks around the separator. */
export const noSpacesArg = z
  .boolean()
  .default(false)
  .describe('No blanks around the separator in lines that are written.');

/** The arguments every use of an INI file has. */
export interface IniPlace {
  readonly separator: string;
  readonly encoding?: string | undefined;
  readonly no_spaces?: boolean | undefined;
}

/** An INI file of a host; one that is not there is empty. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export async function readIni({ host }: Pick<ModuleContext, 'host'>, path: string, place: IniPlace): Promise<IniText> {
  const bytes = await readIfPresent(host, path);
  return iniOf(bytes === undefined ? '' : decodeText(bytes, place.encoding, path), place);
}

/** The text of an INI file. */
export function iniOf(text: string, { separator, no_spaces = false }: IniPlace): IniText {
  return new IniText(text, { separator, noSpaces: no_spaces });
}

/** What an INI file is to hold, as trees write it: options by section, those before every section under `undefined`. */
export interface WantedOptions {
  readonly sections: ReadonlyMap<string | undefined, ReadonlyMap<string, string>>;
  /** Some value is a secret. */
  readonly sealed: boolean;
}

/** Reads `sections` of a tree: mappings of options, and single options for those before every section. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function wantedOptions(given: Value | undefined): WantedOptions {
  const sections = new Map<string | undefined, Map<string, string>>();
  let sealed = false;
  const textOf = (name: Value, value: Value): string => {
    if (value instanceof Secret) {
      sealed = true;
      return value.reveal();
    }
    const text = pythonText(value);
    if (text === undefined) throw notOptions(`the value of ${String(name)} is neither text nor a number`);
    return text;
  };
  for (const [name, value] of entriesOf(given)) {
    const isSection = value instanceof PyMap;
    const section = isSection ? sectionNamed(name) : undefined;
    const options = sections.get(section) ?? new Map<string, string>();
    sections.set(section, options);
    if (!isSection) options.set(String(name).trim(), textOf(name, value));
    else for (const [option, one] of value) options.set(String(option).trim(), textOf(option, one));
  }
  return { sections, sealed };
}

/** Reads `sections` of a tree as names of options: lists by section, and single ones for those before every section. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function unwantedOptions(
  given: Value | undefined,
): readonly (readonly [string | undefined, readonly string[]])[] {
  return entriesOf(given).map(([name, value]) => {
    if (Array.isArray(value)) return [sectionNamed(name), value.map((option) => pythonText(option) ?? String(option))];
    if (value instanceof PyMap) return [sectionNamed(name), [...value.keys()].map(String)];
    return [undefined, [String(name)]];
  });
}

/** Reads `sections` of a tree as names: a list, or the keys of a mapping. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function sectionNames(given: Value | undefined): readonly string[] {
  const names = Array.isArray(given) ? given : entriesOf(given).map(([name]) => name);
  return names.map((name) => pythonText(name) ?? String(name));
}

/** Name of a section; `undefined` for what stands before all of them. */
export function sectionNamed(name: Value | undefined): string | undefined {
  return name === undefined || name === null || name === '' ? undefined : String(name);
}

/** Options as data. */
export function optionData(options: IniOptions): PyMap {
  return new PyMap([...options]);
}

function entriesOf(given: Value | undefined): readonly (readonly [Value, Value])[] {
  if (given === undefined || given === null) return [];
  if (given instanceof PyMap) return [...given];
  throw notOptions('sections is not a mapping');
}

function notOptions(problem: string): EdgeError {
  return new EdgeError('EDGE_BAD_ARGUMENT', problem, {}, { hint: 'Write sections: {main: {port: 80}}.' });
}
