import { z } from 'zod';
import type { Diagnostic } from '../kernel/index.ts';
import { EXTERNAL_KINDS } from '../pillar/index.ts';
import { projectFileSchema } from './master-settings.ts';
import { settingsProblems } from './problems.ts';

/** What is wrong with the settings in a project's file, those of its pillar sources among them. */
export function projectProblems(file: string, settings: Readonly<Record<string, unknown>>): readonly Diagnostic[] {
  const issues = projectFileSchema.safeParse(settings).error?.issues ?? [];
  return [
    ...settingsProblems(issues, { file, schema: projectFileSchema }),
    ...sourceProblems(file, settings.ext_pillar),
  ];
}

function sourceProblems(file: string, entries: unknown): readonly Diagnostic[] {
  const kinds = new Map(EXTERNAL_KINDS.map((kind) => [kind.name, kind.settings]));
  const anySource = z.object(Object.fromEntries(kinds)).partial().strict();
  return (Array.isArray(entries) ? entries : []).flatMap((entry: unknown, index) => {
    const given = typeof entry === 'object' && entry !== null ? Object.entries(entry) : [];
    return given.flatMap(([name, source]) => {
      const schema = kinds.get(name);
      // Of a kind that nobody knows the settings are nobody's either.
      const [checked, under] =
        schema === undefined
          ? [anySource.safeParse({ [name]: source }), ['ext_pillar', index]]
          : [schema.safeParse(source), ['ext_pillar', index, name]];
      return settingsProblems(checked.error?.issues ?? [], { file, schema: schema ?? anySource, under });
    });
  });
}
