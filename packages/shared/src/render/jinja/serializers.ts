import type { Value } from '../../values/index.ts';

/** What the engine needs of YAML; the loader and dumper live beside it. */
export interface Serializers {
  /** The value of a document as Salt's loader reads it. @throws EdgeError whose message names the line. */
  loadYaml(text: string): Value;
  /** PyYAML's dump of a value as Salt's dumper writes it, document end marks included. */
  dumpYaml(value: Value, options: { readonly flowStyle: boolean }): string;
}
