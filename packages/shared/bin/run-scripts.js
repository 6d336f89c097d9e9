import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compile, keep } from './kept-code.js';

/**
 * Runs a program that is a few CommonJS files in one folder, compiled once and for all: what V8 makes of them in the
 * first start is kept for later ones.
 *
 * @param {string} main its first file
 */
export function runScripts(main) {
  const folder = dirname(main);
  const requireOther = createRequire(main);
  /** file → its module, there before it has run to its end, as files may need each other */
  const modules = new Map();
  const fresh = [];

  const requireFile = (file) => {
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    modules.set(file, module);
    const compiled = compile(file);
    if (!compiled.isKept) fresh.push(compiled);
    compiled.script.runInThisContext()(module.exports, requireAny, module, file, folder);
    return module.exports;
  };
  const requireAny = (name) => (name.startsWith('./') ? requireFile(join(folder, name)) : requireOther(name));

  // At the end, because by then what this program does is compiled too.
  process.once('exit', () => fresh.forEach(keep));
  requireFile(main);
}
