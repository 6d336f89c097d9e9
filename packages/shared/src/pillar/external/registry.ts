import type { z } from 'zod';
import { type Compiled, compiled, type Diagnostic, EdgeError } from '../../kernel/index.ts';
import { didYouMean } from '../../schema/index.ts';
import type { ExternalPillar } from '../compile.ts';
import { commands } from './command.ts';
import type { ExternalKind, ExternalServices } from './contract.ts';
import { fileTree } from './file-tree.ts';
import { git } from './git.ts';
import { webSources } from './http.ts';
import { vault } from './vault.ts';

/** Every kind of source that `ext_pillar` may name. */
export const EXTERNAL_KINDS: readonly ExternalKind[] = [
  fileTree,
  ...commands,
  ...webSources,
  vault,
  git,
] as ExternalKind[];

/** Makes the sources of `ext_pillar`: a list of one-key mappings, asked in that order. */
export function externalPillars(
  entries: readonly Readonly<Record<string, unknown>>[],
  services: ExternalServices,
): Compiled<readonly ExternalPillar[]> {
  const diagnostics: Diagnostic[] = [];
  const counts = new Map<string, number>();
  const sources = entries.flatMap((entry, index) => {
    const at = `ext_pillar[${index}]`;
    const [[name, settings] = ['', undefined], ...more] = Object.entries(entry);
    const kind = EXTERNAL_KINDS.find((candidate) => candidate.name === name);
    if (kind === undefined || more.length > 0) {
      diagnostics.push(more.length > 0 || name === '' ? notOneKey(at) : unknownKind(at, name));
      return [];
    }
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    const parsed = kind.settings.safeParse(settings);
    if (!parsed.success) {
      const problems = parsed.error.issues.flatMap(mostApt);
      diagnostics.push(...problems.map(({ path, message }) => invalid([at, name, ...path].join('.'), message)));
      return [];
    }
    try {
      return [{ name: count === 1 ? name : `${name} ${count}`, ...kind.create(parsed.data, services) }];
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
      diagnostics.push(invalid(`${at}.${name}`, error.message, error.hint));
      return [];
    }
  });
  return compiled(sources, diagnostics);
}

/** Of the forms settings may have, the one that was meant is the one that is not wrong as a whole. */
function mostApt(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find((branch) =>
    branch.some(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  );
  return meant === undefined ? [issue] : meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function notOneKey(at: string): Diagnostic {
  return invalid(at, 'an entry is one source with its settings', '- cmd_yaml: /usr/local/bin/pillar %s');
}

function unknownKind(at: string, name: string): Diagnostic {
  const names = EXTERNAL_KINDS.map((kind) => kind.name);
  return invalid(at, `there is no source \`${name}\``, didYouMean(name, names) || `sources: ${names.join(', ')}`);
}

function invalid(at: string, message: string, detail = ''): Diagnostic {
  return { severity: 'error', code: 'EDGE_CONFIG_INVALID', summary: `${at}: ${message}`, detail };
}
