import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';

/** Loaded with `--import`: writes the address of every file a process loads to the file named by LOADED_MODULES. */
if (process.env.LOADED_MODULES) {
  register(import.meta.url);
  // The files of a bundle are scripts.
  vm.Script = class extends vm.Script {
    constructor(code, options) {
      super(code, options);
      if (options?.filename) appendFileSync(process.env.LOADED_MODULES, `${pathToFileURL(options.filename)}\n`);
    }
  };
}

export async function load(url, context, next) {
  appendFileSync(process.env.LOADED_MODULES, `${url}\n`);
  return next(url, context);
}
