/** A scalar with its tag already decided. */
interface ScalarNode {
  readonly kind: 'scalar';
  readonly tag: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** A list. */
export interface SequenceNode {
  readonly kind: 'sequence';
  readonly tag: string;
  readonly items: readonly YamlNode[];
  readonly start: number;
  readonly end: number;
}

/** A mapping as written: keys may repeat, merge keys are still keys. */
export interface MappingNode {
  readonly kind: 'mapping';
  readonly tag: string;
  readonly pairs: readonly (readonly [YamlNode, YamlNode])[];
  readonly start: number;
  readonly end: number;
}

/** A part of a document; an alias is the very node it names. */
export type YamlNode = ScalarNode | SequenceNode | MappingNode;
