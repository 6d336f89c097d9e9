import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { EdgeError } from '@edge-run/shared/kernel';
import { PyMap } from '@edge-run/shared/values';

/** What a template may look at, as a file says it; undefined where it says nothing. */
export interface ContextFile {
  readonly grains?: PyMap;
  readonly pillar?: PyMap;
  readonly opts?: PyMap;
}

const PARTS = ['grains', 'pillar', 'opts'] as const;

/**
 * The file that `--context` names, in contrast to the name of a master: one that exists, or a name that ends in
 * `.json`.
 */
export function contextFileOf(context: string | undefined, cwd: string): string | undefined {
  if (context === undefined) return undefined;
  const file = resolve(cwd, context);
  return context.endsWith('.json') || (existsSync(file) && statSync(file).isFile()) ? file : undefined;
}

/**
 * Reads a JSON file with `grains`, `pillar` and `opts`.
 * @throws EdgeError `EDGE_BAD_ARGUMENT`, DiagnosticsError with the place where it is no JSON
 */
export async function readContextFile(file: string): Promise<ContextFile> {
  const [{ loadJson }, { didYouMean }] = await Promise.all([
    import('@edge-run/shared/render'),
    import('@edge-run/shared/schema'),
  ]);
  if (!existsSync(file)) throw wrong(file, 'does not exist', '--context takes the path of a JSON file.');
  const content = loadJson(readFileSync(file, 'utf8'), file);
  if (!(content instanceof PyMap)) throw wrong(file, 'is not a JSON object', SHAPE);
  for (const [key, value] of content) {
    const name = String(key);
    if (!(PARTS as readonly string[]).includes(name))
      throw wrong(file, `has no use for \`${name}\``, didYouMean(name, PARTS) || SHAPE);
    if (!(value instanceof PyMap)) throw wrong(file, `: \`${name}\` is no object`, SHAPE);
  }
  return Object.fromEntries(content) as ContextFile;
}

const SHAPE = '{"grains": {…}, "pillar": {…}, "opts": {…}}';

function wrong(file: string, what: string, hint: string): EdgeError {
  return new EdgeError('EDGE_BAD_ARGUMENT', `${file} ${what}`, { file }, { hint });
}
