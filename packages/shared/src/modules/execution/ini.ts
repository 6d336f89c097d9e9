import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { requireAbsolute, writeBytes } from '../operations/index.ts';
import { encodeText, type IniText } from '../text/index.ts';
import {
  type IniPlace,
  iniArgs,
  noSpacesArg,
  optionData,
  readIni,
  sectionNamed,
  wantedOptions,
} from './ini-arguments.ts';

const fileArg = z.string().describe('Absolute path of the file.');
const sectionArg = z.string().nullable().describe('Section; null or empty for options before the first.');

/** INI files of a host: looking options up, setting and removing them. */
export const iniFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'ini.get_option',
    summary: 'Answer the value of an option of an INI file.',
    args: z.object({ file_name: fileArg, section: sectionArg, option: z.string().describe('Name.'), ...iniArgs }),
    returns: 'Its text; null when it is not there.',
    examples: [{ title: 'a port', args: { file_name: '/etc/app.ini', section: 'main', option: 'port' } }],
    run: async ({ file_name, section, option, ...place }, ctx) =>
      (await readIni(ctx, file_name, place)).options(sectionNamed(section))?.get(option) ?? null,
  }),
  defineRead({
    name: 'ini.get_section',
    summary: 'Answer the options of a section of an INI file.',
    args: z.object({ file_name: fileArg, section: sectionArg, ...iniArgs }),
    returns: 'A mapping of names to texts; empty when the section is not there.',
    examples: [{ title: 'one section', args: { file_name: '/etc/app.ini', section: 'main' } }],
    run: async ({ file_name, section, ...place }, ctx) =>
      optionData((await readIni(ctx, file_name, place)).options(sectionNamed(section)) ?? new Map()),
  }),
  defineRead({
    name: 'ini.get_ini',
    summary: 'Answer everything an INI file holds.',
    args: z.object({ file_name: fileArg, ...iniArgs }),
    returns: 'The options before the first section by name, and mappings of options by section.',
    examples: [{ title: 'all of it', args: { file_name: '/etc/app.ini' } }],
    async run({ file_name, ...place }, ctx) {
      const ini = await readIni(ctx, file_name, place);
      const sections = ini.sections().map((name): [string, Value] => [name, optionData(ini.options(name)!)]);
      return new PyMap([...ini.options(undefined)!, ...sections]);
    },
  }),
  defineWrite({
    name: 'ini.set_option',
    summary: 'Set options of an INI file; everything else in it stays.',
    args: z.object({
      file_name: fileArg,
      sections: anyValue()
        .optional()
        .describe('Mapping of sections to options; an option by itself stands before the first section.'),
      ...iniArgs,
      no_spaces: noSpacesArg,
    }),
    returns: 'What has changed: {before, after} by section and option.',
    examples: [{ title: 'a port', args: { file_name: '/etc/app.ini', sections: null } }],
    run: ({ file_name, sections, ...place }, ctx) =>
      editFile(ctx, file_name, place, (ini) => setOptions(ini, wantedOptions(sections).sections)),
  }),
  defineWrite({
    name: 'ini.remove_option',
    summary: 'Remove an option from an INI file.',
    args: z.object({ file_name: fileArg, section: sectionArg, option: z.string().describe('Name.'), ...iniArgs }),
    returns: 'The value it had; null when it was not there.',
    examples: [{ title: 'a port', args: { file_name: '/etc/app.ini', section: 'main', option: 'port' } }],
    run: ({ file_name, section, option, ...place }, ctx) =>
      editFile(ctx, file_name, place, (ini) => ini.removeOption(sectionNamed(section), option) ?? null),
  }),
  defineWrite({
    name: 'ini.remove_section',
    summary: 'Remove a section from an INI file with everything in it.',
    args: z.object({ file_name: fileArg, section: z.string().describe('Section.'), ...iniArgs }),
    returns: 'The options it had; null when it was not there.',
    examples: [{ title: 'one section', args: { file_name: '/etc/app.ini', section: 'main' } }],
    run: ({ file_name, section, ...place }, ctx) =>
      editFile(ctx, file_name, place, (ini) => {
        const removed = ini.removeSection(section);
        return removed === undefined ? null : optionData(removed);
      }),
  }),
];

/** Sets options and answers what has changed, as Salt does: of a section that was not there, all of it at once. */
export function setOptions(ini: IniText, wanted: ReadonlyMap<string | undefined, ReadonlyMap<string, string>>): PyMap {
  const changes = new PyMap();
  for (const [section, options] of wanted) {
    const known = ini.options(section);
    if (section !== undefined) ini.addSection(section);
    const changed = new PyMap();
    for (const [option, value] of options) {
      const before = known?.get(option) ?? null;
      ini.set(section, option, value);
      const after = ini.options(section)!.get(option)!;
      if (before !== after)
        changed.set(
          option,
          new PyMap([
            ['before', before],
            ['after', after],
          ]),
        );
    }
    if (section === undefined) for (const [option, change] of changed) changes.set(option, change);
    else if (known === undefined)
      changes.set(
        section,
        new PyMap([
          ['before', null],
          ['after', optionData(ini.options(section)!)],
        ]),
      );
    else if (changed.size > 0) changes.set(section, changed);
  }
  return changes;
}

/** Writes what an edit made of a file, if anything, and answers what the edit did. */
async function editFile<T>(
  { host }: ModuleContext<Host>,
  path: string,
  place: IniPlace,
  edit: (ini: IniText) => T,
): Promise<T> {
  requireAbsolute(path);
  const ini = await readIni({ host }, path, place);
  const before = ini.toString();
  const answer = edit(ini);
  if (ini.toString() !== before) await writeBytes(host, path, encodeText(ini.toString(), place.encoding, path));
  return answer;
}
