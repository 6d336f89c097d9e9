import { loadJson, loadYaml } from '@edge-run/shared/render';
import { readWords, type WordArguments } from '@edge-run/shared/schema';

/** Words with Salt's readers: `safe_load` for values, JSON behind `:=`. */
export function readSaltWords(words: readonly string[]): WordArguments {
  return readWords(words, { yaml: loadYaml, json: loadJson });
}
