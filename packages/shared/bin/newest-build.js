import { statSync } from 'node:fs';
import module from 'node:module';

/**
 * The program to run for a bin beside it: the bundle, which starts twice as fast because it is a few files and not
 * hundreds, as long as nothing was compiled after it was made; else what the compiler wrote. Undefined before the
 * first build.
 *
 * @param {string} bin URL of the bin
 * @returns {string | undefined} URL of the program
 */
export function newestBuild(bin) {
  // Keeps compiled code between starts, where Node can.
  module.enableCompileCache?.();
  const compiled = new URL('../dist/main.js', bin);
  const bundled = new URL('../bundle/main.js', bin);
  const builds = [new URL('../dist/.tsbuildinfo', bin), new URL('../dist/.tsbuildinfo', import.meta.url)];
  const made = modifiedAt(bundled);
  if (made !== undefined && builds.every((build) => (modifiedAt(build) ?? 0) <= made)) return bundled.href;
  return modifiedAt(compiled) === undefined ? undefined : compiled.href;
}

/** When a file was written, in milliseconds; undefined where there is none. */
function modifiedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}
