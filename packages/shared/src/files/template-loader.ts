import type { FileSource } from './contract.ts';

/**
 * Loads templates from a source and environment, as the renderer asks for them (`render` declares the interface).
 * Contents are UTF-8 text, without a byte order mark.
 */
export function createTemplateLoader(
  source: FileSource,
  env: string,
): { load(name: string): Promise<{ readonly text: string; readonly path: string } | undefined> } {
  return {
    load: async (name) => {
      const file = await source.open(name, env);
      return file && { text: new TextDecoder().decode(await file.read()), path: file.path };
    },
  };
}
