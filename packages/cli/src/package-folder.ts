import { existsSync } from 'node:fs';

/** The folder of this package, wherever in it the running code lies: compiled or bundled. */
export function packageFolder(): URL {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder)) && folder.pathname !== '/') folder = new URL('..', folder);
  return folder;
}
