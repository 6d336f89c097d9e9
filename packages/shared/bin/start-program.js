import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newestBuild } from './newest-build.js';
import { runScripts } from './run-scripts.js';

/**
 * Runs the newest build of the program a bin is for; before the first build it says what to type and ends with exit
 * code 2.
 *
 * @param {string} bin URL of the bin
 */
export async function startProgram(bin) {
  const build = newestBuild(bin);
  if (build === undefined) {
    process.stderr.write(`${basename(fileURLToPath(bin), '.js')} is not built yet. Run: npm run build\n`);
    process.exit(2);
  }
  if (build.endsWith('.cjs')) runScripts(fileURLToPath(build));
  else await import(build);
}
