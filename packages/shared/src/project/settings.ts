import { z } from 'zod';
import { MERGE_STRATEGIES } from '../pillar/index.ts';
import { fromPlain, type PyMap } from '../values/index.ts';

const roots = z.record(z.string(), z.array(z.string()));
const environment = z.record(z.string(), z.unknown()).default({});

/** Salt's options of Jinja; templates see them in `opts`, where the renderer finds them. */
export const templateSettings = {
  jinja_env: environment.describe('Jinja options of templates that are no SLS: trim_blocks, lstrip_blocks, …'),
  jinja_sls_env: environment.describe('Jinja options of SLS files: trim_blocks, lstrip_blocks, …'),
  jinja_trim_blocks: z.boolean().default(false).describe('The same as `trim_blocks` in both.'),
  jinja_lstrip_blocks: z.boolean().default(false).describe('The same as `lstrip_blocks` in both.'),
  allow_undefined: z.boolean().default(false).describe('Names a template does not know are empty, not errors.'),
};

/** How the pillars of several files become one. */
export const pillarMergeSettings = {
  pillar_source_merging_strategy: z.enum(MERGE_STRATEGIES).default('smart').describe('How pillar files are merged.'),
  pillar_merge_lists: z.boolean().default(false).describe('Whether lists of pillar files are joined when merged.'),
};

/** Settings that decide what the files of a project are. Paths are relative to the file that names them. */
export const projectSettings = {
  file_roots: roots
    .default({ base: ['states'] })
    .describe('saltenv → folders of states, the first that has a file wins.'),
  orchestration_roots: z
    .array(z.string())
    .default(['orch'])
    .describe('Folders of orchestrations, seen in `base` as `salt://orch/`.'),
  pillar_roots: roots
    .default({ base: ['pillars'] })
    .describe('pillarenv → folders of pillars, the first that has a file wins.'),
  ...pillarMergeSettings,
  nodegroups: z
    .record(z.string(), z.union([z.string(), z.array(z.coerce.string()).min(1)]))
    .default({})
    .describe('Name → compound target, or its words or ids as a list.'),
  ...templateSettings,
  check: z
    .strictObject({
      rules: z
        .record(
          z.string(),
          z.union([z.enum(['off', 'warning', 'error']), z.literal(false)], {
            error: 'is none of off, warning and error',
          }),
        )
        .default({})
        .describe('Code → `off`, `warning` or `error`.'),
      fixtures: z
        .string()
        .default('tests')
        .describe('Folder of the grains, pillars, events and answers that templates are rendered with.'),
    })
    .prefault({})
    .describe('What `edge-run check` minds.'),
};

const templateSchema = z.object(templateSettings);
/** The settings of a project; what only masters read is left alone. */
export const projectSchema = z.object(projectSettings);
type TemplateSettings = z.output<typeof templateSchema>;
/** What a project's file says about its files. */
export type ProjectSettings = z.output<typeof projectSchema>;

/** The part of `opts` that the renderer looks at. */
export function templateOpts(settings: TemplateSettings): TemplateSettings {
  return templateSchema.parse(settings);
}

/** The settings of a parsed file; what else it says is left alone. */
export function parseProjectSettings(
  content: Readonly<Record<string, unknown>>,
): z.ZodSafeParseResult<ProjectSettings> {
  return projectSchema.safeParse(content);
}

/** Salt's options about compiling pillars, for `createPillarCompiler`. */
export function pillarOpts(settings: Omit<ProjectSettings, keyof TemplateSettings>): PyMap {
  const { pillar_source_merging_strategy, pillar_merge_lists, nodegroups } = settings;
  return fromPlain({ pillar_source_merging_strategy, pillar_merge_lists, nodegroups }) as PyMap;
}

/** Settings as a file that says nothing else would give them. */
export function projectOf(content: z.input<typeof projectSchema>): ProjectSettings {
  return projectSchema.parse(content);
}
