import { appendFileSync } from 'node:fs';
import { register } from 'node:module';

/** Loaded with `--import`: writes the address of every module a process loads to the file named by LOADED_MODULES. */
if (process.env.LOADED_MODULES) register(import.meta.url);

export async function load(url, context, next) {
  appendFileSync(process.env.LOADED_MODULES, `${url}\n`);
  return next(url, context);
}
