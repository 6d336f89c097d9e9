import type { Diagnostic } from '../kernel/index.ts';
import { nearest } from '../schema/index.ts';
import type { FileHandle, FileSource } from './contract.ts';

/** Where an SLS name led. */
export type SlsLookup =
  | { readonly kind: 'found'; readonly sls: string; readonly file: FileHandle }
  | { readonly kind: 'missing'; readonly tried: readonly string[]; readonly diagnostic: Diagnostic };

/**
 * Finds the file of a dotted SLS name: `a.b` is `a/b.sls` or else `a/b/init.sls`. What is missing says what was tried
 * and the name that was probably meant.
 */
export async function findSls(source: FileSource, env: string, sls: string): Promise<SlsLookup> {
  const stem = sls.replaceAll('.', '/');
  const tried = [`${stem}.sls`, `${stem}/init.sls`];
  for (const path of tried) {
    const file = await source.open(path, env);
    if (file) return { kind: 'found', sls, file };
  }
  return { kind: 'missing', tried, diagnostic: await missing(source, env, sls, tried) };
}

/** Every SLS name of an environment, sorted. */
export async function listSls(source: FileSource, env: string): Promise<readonly string[]> {
  const names = new Set<string>();
  for await (const { path } of source.list('', env)) {
    const name = slsOfPath(path);
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

/** The SLS name of a path: `a/b/init.sls` is `a.b`; undefined for other files and for names with dots of their own. */
export function slsOfPath(path: string): string | undefined {
  const match = /^(.+?)(?:\/init)?\.sls$/.exec(path);
  return match === null || match[1]!.includes('.') ? undefined : match[1]!.replaceAll('/', '.');
}

async function missing(source: FileSource, env: string, sls: string, tried: readonly string[]): Promise<Diagnostic> {
  const names = await listSls(source, env);
  const meant = nearest(sls, names);
  const elsewhere: string[] = [];
  for (const other of await source.environments()) {
    if (other !== env && (await opens(source, other, tried))) elsewhere.push(other);
  }
  const help = [
    `tried ${tried.join(' and ')}`,
    ...(meant === undefined ? [] : [`did you mean \`${meant}\`?`]),
    ...(elsewhere.length === 0 ? [] : [`it is in environment ${elsewhere.join(', ')}`]),
    ...(names.length === 0 ? [`environment ${env} holds no SLS at all`] : []),
  ];
  return {
    severity: 'error',
    code: 'EDGE_SLS_NOT_FOUND',
    summary: `no SLS \`${sls}\` in environment \`${env}\``,
    detail: help.join('; '),
  };
}

async function opens(source: FileSource, env: string, paths: readonly string[]): Promise<boolean> {
  for (const path of paths) if (await source.open(path, env)) return true;
  return false;
}
