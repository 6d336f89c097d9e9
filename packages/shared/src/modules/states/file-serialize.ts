import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { applyOwnership, lookAt, readFound } from '../operations/index.ts';
import { deserializeData, mergeRecursive, SERIALIZERS, serializeData } from '../text/index.ts';
import {
  backupArg,
  looksAtPath,
  makedirsArg,
  modeArg,
  ownerArgs,
  ownershipOf,
  pathArg,
  showChangesArg,
} from './file-arguments.ts';
import { contentChange, ownershipChange } from './file-content.ts';

/** `file.serialize`. */
export const fileSerialize: StateModule = defineState({
  name: 'file.serialize',
  summary: 'Ensure a file holds data in a given format.',
  effect: 'repair',
  args: z.object({
    name: pathArg,
    dataset: anyValue().optional().describe('The data.'),
    dataset_pillar: z.string().optional().describe('Path in the pillar of the data.'),
    ...ownerArgs,
    mode: modeArg.optional().describe('Permissions, octal, in quotes.'),
    backup: backupArg(false),
    makedirs: makedirsArg,
    show_changes: showChangesArg,
    create: z.boolean().default(true).describe('False does nothing when the file is missing.'),
    merge_if_exists: z.boolean().default(false).describe('Merge the data over what the file holds.'),
    encoding: z.enum(['utf-8', 'utf8']).optional().describe('Accepted for Salt trees; text is UTF-8.'),
    formatter: z.enum(SERIALIZERS).optional().describe('The format; yaml where neither this nor serializer is given.'),
    serializer: z.enum(SERIALIZERS).optional().describe('The same as formatter.'),
    serializer_opts: anyValue().optional().describe('Options: indent, sort_keys.'),
  }),
  examples: [
    {
      title: 'a service definition',
      args: { name: '/etc/edge/services/app.service.json', serializer: 'json', dataset: null },
    },
  ],
  firstLook: looksAtPath,
  async check(args, ctx) {
    const { name } = args;
    if (!name.startsWith('/')) return refused(`Specified file ${name} is not an absolute path`);
    if ((args.dataset === undefined) === (args.dataset_pillar === undefined))
      return refused('file.serialize needs dataset or dataset_pillar, and not both');
    const target = await lookAt(ctx.host, name, { followLinks: true });
    const { path, stat: found } = target;
    if (found === undefined && !args.create) return inSync(`File ${name} is not present and is not set for creation`);
    if (found?.kind === 'directory') return refused(`Specified target ${name} is a directory`);
    const format = args.serializer ?? args.formatter ?? 'yaml';
    let data = args.dataset ?? pillarData(args.dataset_pillar!, ctx.pillar.get(args.dataset_pillar!, null));
    const existing = args.merge_if_exists && found !== undefined ? await readFound(ctx.host, target) : undefined;
    if (existing !== undefined)
      data = mergeRecursive(deserializeData(Buffer.from(existing).toString('utf8'), format), data, false);
    const { text, sealed } = serializeData(data, format, serializerOptions(args.serializer_opts));
    const ownership = ownershipOf(args);
    const change = await contentChange(ctx, {
      name,
      found: target,
      content: { bytes: new Uint8Array(Buffer.from(text)), sealed },
      ownership,
      makedirs: args.makedirs,
      backup: args.backup,
      showChanges: args.show_changes,
    });
    if (change !== true) return changesOf(change);
    return changesOf(
      ownershipChange(name, found!, ownership, async ({ host }) => {
        await applyOwnership(host, path, ownership);
        return undefined;
      }),
    );
  },
});

function pillarData(path: string, value: Value): Value {
  if (value !== null) return value;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `pillar ${path} does not exist`,
    { path },
    { hint: 'pillar.items shows what the host has.' },
  );
}

/** Options come as a mapping or, as in Salt's documentation, a list of mappings. */
function serializerOptions(options: Value | undefined): { indent?: number; sortKeys?: boolean } {
  const maps = (Array.isArray(options) ? options : [options]).filter((map) => map instanceof PyMap);
  const found: { indent?: number; sortKeys?: boolean } = {};
  for (const [key, value] of maps.flatMap((map) => [...map])) {
    if (key === 'indent' && typeof value === 'number') found.indent = value;
    if (key === 'sort_keys' && typeof value === 'boolean') found.sortKeys = value;
  }
  return found;
}
