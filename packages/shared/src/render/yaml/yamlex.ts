import { type KeyIdentity, PyMap, resolvePlain, type Value, YAML_TAG } from '../../values/index.ts';
import { AggregateMap, aggregate, markAggregate } from './aggregate.ts';
import { Constructor } from './construct.ts';
import type { MappingNode, YamlNode } from './node.ts';

const AGGREGATE = '!aggregate';
const RESET = '!reset';

/**
 * Builds the values of Salt 3006's yamlex serializer: a key may be given again, which replaces its value, or adds to it
 * where both are marked `!aggregate`; `!reset` before a key forgets what it had. The document itself is marked.
 */
export class YamlexConstructor extends Constructor {
  override document(root: YamlNode | undefined): Value {
    const value = super.document(root);
    return root && value !== null ? this.#marked(value) : value;
  }

  protected override construct(node: YamlNode): Value {
    if (node.tag === RESET) return this.build(untagged(node));
    if (node.tag !== AGGREGATE) return super.construct(node);
    const value = this.build(untagged(node));
    return value === null ? markAggregate([]) : this.#marked(value);
  }

  protected override mapping(node: MappingNode): PyMap {
    const map = new PyMap();
    const places = new Map<KeyIdentity, number>();
    this.places.set(map, places);
    for (const [writtenKey, writtenValue] of this.flatten(node)) {
      const marksValue = writtenKey.tag === AGGREGATE;
      const key = this.keyOf(marksValue ? untagged(writtenKey) : writtenKey);
      const value = this.build(marksValue ? { ...writtenValue, tag: AGGREGATE } : writtenValue);
      if (!key) continue;
      const earlier = writtenKey.tag === RESET ? undefined : map.get(key.value);
      map.set(key.value, earlier === undefined ? value : aggregate(earlier, value));
      places.set(key.identity, writtenKey.start);
    }
    return map;
  }

  #marked(value: Value): Value {
    const marked = markAggregate(value);
    const places = typeof value === 'object' && value !== null ? this.places.get(value) : undefined;
    if (places && (marked instanceof AggregateMap || Array.isArray(value))) this.places.set(marked, places);
    return marked;
  }
}

/** The node with the tag it has by its look. */
function untagged(node: YamlNode): YamlNode {
  switch (node.kind) {
    case 'scalar':
      return { ...node, tag: resolvePlain(node.value) };
    case 'sequence':
      return { ...node, tag: YAML_TAG.seq };
    case 'mapping':
      return { ...node, tag: YAML_TAG.map };
  }
}
