import {
  type KeyIdentity,
  keyIdentity,
  PyMap,
  PySet,
  PyTuple,
  scalarValue,
  shortTag,
  type Value,
  YAML_TAG,
} from '../../values/index.ts';
import type { Places } from '../places.ts';
import type { MappingNode, SequenceNode, YamlNode } from './node.ts';

/** Something the text says that cannot become a value. */
export interface ConstructProblem {
  readonly kind: 'duplicate-key' | 'unhashable-key' | 'unknown-tag' | 'wrong-kind' | 'bad-scalar' | 'bad-merge';
  readonly summary: string;
  readonly node: YamlNode;
  /** The other place a problem is about: the first of two equal keys. */
  readonly other?: YamlNode;
}

/**
 * Builds values the way Salt 3006's SaltYamlSafeLoader does: dates stay text, `0755` is 755, equal keys and keys that
 * cannot be hashed are problems, merge keys come before a mapping's own. Aliases give the same container.
 */
export class Constructor {
  readonly problems: ConstructProblem[] = [];
  readonly places: Places = new Map();
  readonly #built = new Map<YamlNode, Value>();
  readonly #flattened = new Map<MappingNode, MappingNode['pairs']>();

  /** The value of a whole document. */
  document(root: YamlNode | undefined): Value {
    return root ? this.build(root) : null;
  }

  protected build(node: YamlNode): Value {
    if (node.kind === 'scalar' && node.tag === YAML_TAG.str) return node.value;
    const known = this.#built.get(node);
    if (known !== undefined) return known;
    const value = this.construct(node);
    this.#built.set(node, value);
    return value;
  }

  protected construct(node: YamlNode): Value {
    switch (node.tag) {
      case YAML_TAG.map:
      case YAML_TAG.omap:
        return node.kind === 'mapping' ? this.mapping(node) : this.#wrongKind(node, 'a mapping');
      case YAML_TAG.seq:
        return node.kind === 'sequence' ? this.sequence(node) : this.#wrongKind(node, 'a list');
      case YAML_TAG.set:
        return node.kind === 'mapping' ? new PySet(this.mapping(node).keys()) : this.#wrongKind(node, 'a mapping');
      case YAML_TAG.pairs:
        return node.kind === 'sequence' ? this.#pairs(node) : this.#wrongKind(node, 'a list');
      case YAML_TAG.str:
      case YAML_TAG.timestamp:
      case YAML_TAG.unicode:
        return node.kind === 'scalar' ? node.value : this.#wrongKind(node, 'text');
      case YAML_TAG.null:
      case YAML_TAG.bool:
      case YAML_TAG.int:
      case YAML_TAG.float:
      case YAML_TAG.binary: {
        if (node.kind !== 'scalar') return this.#wrongKind(node, 'text');
        const value = scalarValue(node.tag, node.value);
        return value === undefined
          ? this.problem('bad-scalar', `'${node.value}' is not a valid ${shortTag(node.tag)}`, node)
          : value;
      }
      default:
        return this.#unknownTag(node);
    }
  }

  protected sequence(node: SequenceNode): Value[] {
    const list = node.items.map((item) => this.build(item));
    this.places.set(
      list,
      node.items.map((item) => item.start),
    );
    return list;
  }

  protected mapping(node: MappingNode): PyMap {
    const map = new PyMap();
    const places = new Map<KeyIdentity, number>();
    this.places.set(map, places);
    for (const [keyNode, valueNode] of this.flatten(node)) {
      const key = this.keyOf(keyNode);
      const value = this.build(valueNode);
      if (!key) continue;
      const earlier = places.get(key.identity);
      if (earlier !== undefined) {
        const first = this.flatten(node).find(([other]) => other.start === earlier)?.[0];
        this.problem('duplicate-key', `the key '${keyText(keyNode)}' is given twice`, keyNode, first);
        continue;
      }
      places.set(key.identity, keyNode.start);
      map.set(key.value, value);
    }
    return map;
  }

  protected problem(kind: ConstructProblem['kind'], summary: string, node: YamlNode, other?: YamlNode): null {
    this.problems.push(other ? { kind, summary, node, other } : { kind, summary, node });
    return null;
  }

  protected keyOf(node: YamlNode): { readonly value: Value; readonly identity: KeyIdentity } | undefined {
    const known = this.problems.length;
    const value = this.build(
      node.tag === YAML_TAG.value && node.kind === 'scalar' ? { ...node, tag: YAML_TAG.str } : node,
    );
    if (Array.isArray(value) || value instanceof PyMap || value instanceof PySet) {
      // `{{ x }}:` is a mapping as the key of a mapping as a key: once is enough.
      if (this.problems.length === known) {
        this.problem('unhashable-key', `a ${Array.isArray(value) ? 'list' : 'mapping'} cannot be a key`, node);
      }
      return undefined;
    }
    return { value, identity: keyIdentity(value) };
  }

  /** The pairs with `<<` worked in: merged ones first, save those the mapping has itself. */
  protected flatten(node: MappingNode): MappingNode['pairs'] {
    const known = this.#flattened.get(node);
    if (known) return known;
    const own = node.pairs.filter(([key]) => key.tag !== YAML_TAG.merge);
    if (own.length === node.pairs.length) return own;
    const merged = node.pairs.flatMap(([key, value]) =>
      key.tag === YAML_TAG.merge ? this.#mergeSource(key, value) : [],
    );
    const names = new Set(own.flatMap(([key]) => (key.kind === 'scalar' ? [key.value] : [])));
    const pairs = [...merged.filter(([key]) => !(key.kind === 'scalar' && names.has(key.value))), ...own];
    this.#flattened.set(node, pairs);
    return pairs;
  }

  #mergeSource(key: YamlNode, value: YamlNode): MappingNode['pairs'] {
    if (value.kind === 'mapping') return this.flatten(value);
    const sources = value.kind === 'sequence' ? value.items.toReversed() : [value];
    return sources.flatMap((source) => {
      if (source.kind === 'mapping') return this.flatten(source);
      this.problem('bad-merge', "'<<' takes a mapping or a list of mappings", value.kind === 'sequence' ? source : key);
      return [];
    });
  }

  #pairs(node: SequenceNode): Value {
    return node.items.map((item) => {
      if (item.kind !== 'mapping' || item.pairs.length !== 1)
        return this.problem('wrong-kind', '!!pairs takes mappings of one key', item);
      const [key, value] = item.pairs[0]!;
      return new PyTuple([this.build(key), this.build(value)]);
    });
  }

  #wrongKind(node: YamlNode, wanted: string): null {
    return this.problem('wrong-kind', `${shortTag(node.tag)} stands for ${wanted}, not a ${node.kind}`, node);
  }

  #unknownTag(node: YamlNode): null {
    if (node.tag === YAML_TAG.merge || node.tag === YAML_TAG.value) {
      const text = node.kind === 'scalar' ? node.value : '';
      return this.problem('unknown-tag', `a bare '${text}' has a meaning of its own in YAML`, node);
    }
    return this.problem('unknown-tag', `the tag ${shortTag(node.tag)} is not known`, node);
  }
}

function keyText(node: YamlNode): string {
  return node.kind === 'scalar' ? node.value : node.kind;
}
