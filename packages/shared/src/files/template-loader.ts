import { nearest } from '../schema/index.ts';
import type { FileSource } from './contract.ts';

/** Loads the templates of an environment and knows what else there is. */
interface SourceLoader {
  load(name: string): Promise<{ readonly text: string; readonly path: string } | undefined>;
  near(name: string): Promise<string | undefined>;
}

/**
 * Loads templates from a source and environment, as the renderer asks for them (`render` declares the interface).
 * Contents are UTF-8 text, without a byte order mark.
 */
export function createTemplateLoader(source: FileSource, env: string): SourceLoader {
  return {
    load: async (name) => {
      const file = await source.open(name, env);
      return file && { text: new TextDecoder().decode(await file.read()), path: file.path };
    },
    near: async (name) => {
      const paths: string[] = [];
      for await (const { path } of source.list('', env)) paths.push(path);
      return nearest(name, paths);
    },
  };
}
