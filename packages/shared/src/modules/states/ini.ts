import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import {
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import { setOptions } from '../execution/ini.ts';
import {
  type IniPlace,
  iniArgs,
  iniOf,
  noSpacesArg,
  optionData,
  sectionNames,
  unwantedOptions,
  wantedOptions,
} from '../execution/ini-arguments.ts';
import { lookAt, readFound } from '../operations/index.ts';
import { decodeText, encodeText, type IniText } from '../text/index.ts';
import { looksAtPath } from './file-arguments.ts';
import { contentChange } from './file-content.ts';

const fileArg = z.string().describe('Absolute path of the file.');

/** Options and sections of INI files as they should be; whatever else is in the file stays. */
export const iniStates: readonly StateModule[] = [
  defineState({
    name: 'ini.options_present',
    summary: 'Ensure options of an INI file have values; other lines stay as they are.',
    effect: 'repair',
    args: z.object({
      name: fileArg,
      sections: anyValue()
        .optional()
        .describe('Mapping of sections to options; an option by itself stands before the first section.'),
      ...iniArgs,
      strict: z.boolean().default(false).describe('Remove every other option of the sections that are named.'),
      no_spaces: noSpacesArg,
    }),
    examples: [{ title: 'a port', args: { name: '/etc/app.ini', sections: null, strict: true } }],
    firstLook: looksAtPath,
    check({ name, sections, strict, ...place }, ctx) {
      const { sections: wanted, sealed } = wantedOptions(sections);
      return edited(ctx, { name, place, sealed }, (ini) => {
        const removed = strict ? removeOthers(ini, wanted) : [];
        const changes = setOptions(ini, wanted);
        for (const [section, option, before] of removed)
          put(
            changes,
            section,
            option,
            new PyMap([
              ['before', before],
              ['after', null],
            ]),
          );
        return changes;
      });
    },
  }),
  defineState({
    name: 'ini.options_absent',
    summary: 'Ensure options are not in an INI file; other lines stay as they are.',
    effect: 'repair',
    args: z.object({
      name: fileArg,
      sections: anyValue()
        .optional()
        .describe('Mapping of sections to lists of options; an option by itself stands before the first section.'),
      ...iniArgs,
    }),
    examples: [{ title: 'an old option', args: { name: '/etc/app.ini', sections: null } }],
    firstLook: looksAtPath,
    check: ({ name, sections, ...place }, ctx) =>
      edited(ctx, { name, place }, (ini) => {
        const changes = new PyMap();
        for (const [section, options] of unwantedOptions(sections))
          for (const option of options) {
            const value = ini.removeOption(section, option);
            if (value !== undefined) put(changes, section, option, value);
          }
        return changes;
      }),
  }),
  defineState({
    name: 'ini.sections_present',
    summary: 'Ensure an INI file has sections; those it lacks are added without options.',
    effect: 'repair',
    args: z.object({
      name: fileArg,
      sections: anyValue().optional().describe('List of names.'),
      ...iniArgs,
    }),
    examples: [{ title: 'two', args: { name: '/etc/app.ini', sections: ['main', 'log'] } }],
    firstLook: looksAtPath,
    check: ({ name, sections, ...place }, ctx) =>
      edited(ctx, { name, place }, (ini) => {
        const added = sectionNames(sections).filter((section) => ini.addSection(section));
        return new PyMap(
          added.map((section) => [
            section,
            new PyMap([
              ['before', null],
              ['after', new PyMap()],
            ]),
          ]),
        );
      }),
  }),
  defineState({
    name: 'ini.sections_absent',
    summary: 'Ensure sections are not in an INI file; they go with everything in them.',
    effect: 'repair',
    args: z.object({
      name: fileArg,
      sections: anyValue().optional().describe('List of names.'),
      ...iniArgs,
    }),
    examples: [{ title: 'an old section', args: { name: '/etc/app.ini', sections: ['legacy'] } }],
    firstLook: looksAtPath,
    check: ({ name, sections, ...place }, ctx) =>
      edited(ctx, { name, place }, (ini) => {
        const changes = new PyMap();
        for (const section of sectionNames(sections)) {
          const options = ini.removeSection(section);
          if (options !== undefined) changes.set(section, optionData(options));
        }
        return changes;
      }),
  }),
];

interface IniGoal {
  readonly name: string;
  readonly place: IniPlace;
  readonly sealed?: boolean;
}

/** What an edit would change, in Salt's shape, with the diff of the file. */
async function edited(
  ctx: ModuleContext,
  { name, place, sealed = false }: IniGoal,
  edit: (ini: IniText) => PyMap,
): Promise<Verdict> {
  if (!name.startsWith('/')) return refused(`Specified file ${name} is not an absolute path`);
  const found = await lookAt(ctx.host, name, { followLinks: true });
  if (found.stat?.kind === 'directory') return refused(`Specified target ${name} is a directory`);
  const before = found.stat === undefined ? '' : decodeText(await readFound(ctx.host, found), place.encoding, name);
  const ini = iniOf(before, place);
  const changes = edit(ini);
  const after = ini.toString();
  if (after === before) return inSync('No anomaly detected');
  const change = await contentChange(ctx, {
    name,
    found,
    content: { bytes: encodeText(after, place.encoding, name), sealed },
    ownership: {},
    makedirs: false,
    showChanges: true,
  });
  return change === true ? inSync('No anomaly detected') : changesOf({ ...change, changes });
}

/** Removes the options of the named sections that nobody wants; options before every section are meant as well. */
function removeOthers(
  ini: IniText,
  wanted: ReturnType<typeof wantedOptions>['sections'],
): readonly (readonly [string | undefined, string, string])[] {
  if (wanted.size === 0) return [];
  return [...new Set([undefined, ...wanted.keys()])].flatMap((section) =>
    [...(ini.options(section) ?? [])]
      .filter(([option]) => wanted.get(section)?.has(option) !== true)
      .map(([option]) => [section, option, ini.removeOption(section, option)!] as const),
  );
}

function put(changes: PyMap, section: string | undefined, option: string, change: Value): void {
  if (section === undefined) {
    changes.set(option, change);
    return;
  }
  const known = changes.get(section);
  const options = known instanceof PyMap ? known : new PyMap();
  changes.set(section, options.set(option, change));
}
