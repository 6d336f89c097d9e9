import { type FileHandle, type FileSource, findSls } from '../files/index.ts';
import { type Compiled, compiled, type Diagnostic } from '../kernel/index.ts';
import type { RenderedData } from '../render/index.ts';
import { parseTop, type TopFile } from './top-file.ts';

/** Where top files are read, and how they are rendered. */
export interface ReadTopsOptions {
  readonly source: FileSource;
  /** Environments whose top files are read, in order. */
  readonly environments: readonly string[];
  /** Default `top.sls`. */
  readonly topName?: string;
  render(file: FileHandle, env: string): Promise<Compiled<RenderedData>>;
}

/** Reads the top files of environments and what they include; an environment without one has none in the answer. */
export async function readTops(options: ReadTopsOptions): Promise<Compiled<ReadonlyMap<string, readonly TopFile[]>>> {
  const tops = new Map<string, readonly TopFile[]>();
  const diagnostics: Diagnostic[] = [];
  for (const env of options.environments) {
    const first = await options.source.open(options.topName ?? 'top.sls', env);
    const files: TopFile[] = [];
    const waiting = first === undefined ? [] : [first];
    const seen = new Set(waiting.map(({ path }) => path));
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const rendered = await options.render(file, env);
      diagnostics.push(...rendered.diagnostics);
      if (rendered.value === undefined) continue;
      const top = parseTop(rendered.value, file.path);
      diagnostics.push(...top.diagnostics);
      if (top.value === undefined) continue;
      files.push(top.value);
      for (const sls of top.value.includes) {
        const lookup = await findSls(options.source, env, sls);
        if (lookup.kind === 'missing') diagnostics.push({ ...lookup.diagnostic, source: { file: file.path, line: 1 } });
        else if (!seen.has(lookup.file.path)) {
          seen.add(lookup.file.path);
          waiting.push(lookup.file);
        }
      }
    }
    tops.set(env, files);
  }
  return compiled(tops, diagnostics);
}
