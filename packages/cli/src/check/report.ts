import { relative } from 'node:path';
import type { LocalRootsByEnv } from '@edge-run/shared/files';
import type { Diagnostic, SourceRange } from '@edge-run/shared/kernel';
import { locate, type Sources } from './sources.ts';
import { type CheckedTree, isBelow } from './tree.ts';

const RENDERED = / \(rendered\)$/;

/** The same diagnostic with absolute paths in place of those below roots. */
export function inRoots(diagnostic: Diagnostic, roots: LocalRootsByEnv): Diagnostic {
  const place = <P extends SourceRange>(at: P): P => {
    const mark = RENDERED.exec(at.file)?.[0] ?? '';
    const file = locate(at.file.replace(RENDERED, ''), roots);
    return file === undefined ? at : { ...at, file: `${file}${mark}` };
  };
  return mapPlaces(diagnostic, place);
}

function mapPlaces(diagnostic: Diagnostic, map: <P extends SourceRange>(place: P) => P): Diagnostic {
  const { source, chain } = diagnostic;
  return {
    ...diagnostic,
    ...(source === undefined ? {} : { source: map(source) }),
    ...(chain === undefined ? {} : { chain: chain.map(map) }),
  };
}

const SUPPRESSION = /(?:#|\{#-?)\s*(?:edge:\s*ignore|noqa)\b(?::?\s*([A-Z][A-Z_,\s]*[A-Z]))?/;

/** True for a finding that the author has said is meant, on its line or on a comment of its own above. */
function isSuppressed({ code, source }: Diagnostic, sources: Sources): boolean {
  if (source === undefined) return false;
  const lines = sources.lines(source.file);
  const above = lines[source.line - 2]?.trim() ?? '';
  return [lines[source.line - 1] ?? '', ...(/^(?:#|\{#)/.test(above) ? [above] : [])].some((line) => {
    const match = SUPPRESSION.exec(line);
    if (match === null) return false;
    return match[1] === undefined || match[1].split(/[\s,]+/).includes(code);
  });
}

/**
 * What is told of everything that was found, in the order of files and lines: each thing once however many hosts have it,
 * without what authors and the project's settings say is meant, and only within the scope. Paths are relative to `cwd`.
 */
export function settle(
  found: readonly Diagnostic[],
  { settings, scope }: CheckedTree,
  sources: Sources,
  cwd: string,
): readonly Diagnostic[] {
  const seen = new Set<string>();
  const revisions = new Set(found.filter(({ code }) => code === 'EDGE_REVISION_UNQUOTED').map(placeText));
  const told = found.flatMap((diagnostic): readonly Diagnostic[] => {
    const wanted = settings.check.rules[diagnostic.code];
    if (wanted === 'off' || wanted === false || isSuppressed(diagnostic, sources)) return [];
    if (scope !== undefined && diagnostic.source !== undefined && !isBelow(diagnostic.source.file, scope)) return [];
    // Both rules mean the same number, and one of them says more.
    if (diagnostic.code === 'EDGE_NUMBER_FOR_TEXT' && revisions.has(placeText(diagnostic))) return [];
    const key = identity(diagnostic);
    if (seen.has(key)) return [];
    seen.add(key);
    return [wanted === undefined ? diagnostic : { ...diagnostic, severity: wanted }];
  });
  const shown = told.map((diagnostic) =>
    mapPlaces(diagnostic, (place) => ({ ...place, file: shorter(place.file, cwd) })),
  );
  return shown.sort(byPlace);
}

function placeText({ source }: Diagnostic): string {
  return source === undefined ? '' : `${source.file}:${source.line}`;
}

/** What makes two findings the same: loops and hosts repeat a warning under other names. */
function identity({ severity, code, summary, source }: Diagnostic): string {
  const place = source === undefined ? '' : `${source.file}:${source.line}:${source.column ?? ''}`;
  return JSON.stringify([code, place, severity === 'error' || source === undefined ? summary : '']);
}

function shorter(file: string, cwd: string): string {
  if (!file.startsWith('/')) return file;
  const path = relative(cwd, file);
  return path.startsWith('../../..') ? file : path;
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  const [left, right] = [a.source?.file ?? '', b.source?.file ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return (a.source?.line ?? 0) - (b.source?.line ?? 0) || (a.source?.column ?? 0) - (b.source?.column ?? 0);
}
