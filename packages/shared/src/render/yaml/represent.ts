import { Secret } from '../../kernel/index.ts';
import {
  isFloat,
  isInteger,
  PyDate,
  PyFloat,
  PyMap,
  PySet,
  PyTuple,
  resolvePlain,
  type Value,
  YAML_TAG,
} from '../../values/index.ts';
import { floatText } from '../float-text.ts';
import { sortedPairs } from '../key-order.ts';

/** What to emit for a value: its text or parts, and whether its type shows without a tag. */
export type EmitNode =
  | { readonly kind: 'alias'; readonly name: string }
  | EmitScalar
  | {
      readonly kind: 'sequence';
      readonly anchor?: string;
      readonly flow: boolean;
      readonly items: readonly EmitNode[];
    }
  | {
      readonly kind: 'mapping';
      readonly anchor?: string;
      /** Short form, where it is not an ordinary mapping. */
      readonly tag?: string;
      readonly flow: boolean;
      readonly pairs: readonly (readonly [EmitNode, EmitNode])[];
    };

/** A scalar to emit. */
export interface EmitScalar {
  readonly kind: 'scalar';
  readonly anchor?: string;
  /** Short form, where the type cannot be told from the text. */
  readonly tag?: string;
  readonly text: string;
  readonly literal: boolean;
  /** Without quotes the text is read back as the same type. */
  readonly plainAllowed: boolean;
  /** With quotes it is. */
  readonly quotedAllowed: boolean;
}

/** How values become YAML. */
export interface RepresentOptions {
  /** `leaves` writes lists and mappings of scalars only in brackets, all others as blocks. */
  readonly flowStyle: boolean | 'leaves';
  readonly sortKeys: boolean;
  readonly secrets: 'sealed' | 'revealed';
}

/** Turns a value into what the emitter writes, as PyYAML's SafeRepresenter does: a container met twice gets an anchor. */
export function represent(value: Value, options: RepresentOptions): EmitNode {
  return new Representer(options).represent(value);
}

class Representer {
  readonly #options: RepresentOptions;
  /** Container → its anchor; numbered in the order in which they are met for the second time. */
  readonly #anchors = new Map<object, string | undefined>();
  readonly #written = new Set<object>();
  readonly #pairs = new Map<PyMap, readonly (readonly [Value, Value])[]>();
  #named = 0;

  constructor(options: RepresentOptions) {
    this.#options = options;
  }

  represent(root: Value): EmitNode {
    this.#findRepeated(root);
    return this.#node(root);
  }

  #findRepeated(value: Value): void {
    if (!isShareable(value) || isEmptyTuple(value)) return;
    if (this.#anchors.has(value)) {
      if (this.#anchors.get(value) === undefined) {
        this.#named += 1;
        this.#anchors.set(value, `id${String(this.#named).padStart(3, '0')}`);
      }
      return;
    }
    this.#anchors.set(value, undefined);
    if (value instanceof PyMap) {
      for (const [key, item] of this.#pairsOf(value)) {
        this.#findRepeated(key);
        this.#findRepeated(item);
      }
    } else {
      for (const item of itemsOf(value)) this.#findRepeated(item);
    }
  }

  #pairsOf(map: PyMap): readonly (readonly [Value, Value])[] {
    const known = this.#pairs.get(map);
    if (known) return known;
    const pairs = this.#options.sortKeys ? sortedPairs(map) : [...map];
    this.#pairs.set(map, pairs);
    return pairs;
  }

  #node(value: Value): EmitNode {
    if (!isShareable(value)) return this.#scalar(value);
    const name = this.#anchors.get(value);
    if (name !== undefined && this.#written.has(value)) return { kind: 'alias', name };
    this.#written.add(value);
    const anchor = name === undefined ? {} : { anchor: name };
    if (value instanceof PyDate) return { ...this.#scalar(value), ...anchor };
    if (value instanceof PySet) {
      const pairs = sortedIf(
        this.#options.sortKeys,
        [...value].map((item) => [item, null] as const),
      );
      return { ...this.#mapping(pairs), ...anchor, tag: '!!set' };
    }
    if (value instanceof PyMap) return { ...this.#mapping(this.#pairsOf(value)), ...anchor };
    const items = itemsOf(value);
    const nodes = items.map((item) => this.#node(item));
    return { kind: 'sequence', ...anchor, flow: this.#flow(items), items: nodes };
  }

  #mapping(pairs: readonly (readonly [Value, Value])[]): Extract<EmitNode, { kind: 'mapping' }> {
    const nodes = pairs.map(([key, item]) => [this.#node(key), this.#node(item)] as const);
    return { kind: 'mapping', flow: this.#flow(pairs.flat()), pairs: nodes };
  }

  #flow(parts: readonly Value[]): boolean {
    const { flowStyle } = this.#options;
    if (flowStyle !== 'leaves') return flowStyle;
    return parts.every((part) => !(part instanceof Uint8Array) && (!isShareable(part) || part instanceof PyDate));
  }

  #scalar(value: Value): EmitScalar {
    if (value === null) return plain(YAML_TAG.null, 'null');
    if (typeof value === 'boolean') return plain(YAML_TAG.bool, String(value));
    if (typeof value === 'string') return plain(YAML_TAG.str, value);
    if (isInteger(value)) return plain(YAML_TAG.int, value.toString());
    if (isFloat(value)) return plain(YAML_TAG.float, yamlFloat(value instanceof PyFloat ? value.value : value));
    if (value instanceof Uint8Array) return binary(value);
    if (value instanceof PyDate) return plain(YAML_TAG.timestamp, value.iso.replace('T', ' '));
    if (value instanceof Secret) {
      return plain(YAML_TAG.str, this.#options.secrets === 'revealed' ? value.reveal() : value.toString());
    }
    throw new TypeError(`no YAML form for ${value.constructor.name}`);
  }
}

type Shareable = Value[] | PyTuple | PyMap | PySet | PyDate;

/** What Python tells apart by identity, so that two uses of one are an anchor and an alias. */
function isShareable(value: Value): value is Shareable {
  return (
    Array.isArray(value) ||
    value instanceof PyMap ||
    value instanceof PySet ||
    value instanceof PyDate ||
    value instanceof PyTuple
  );
}

/** Python has but one empty tuple; it never gets an anchor. */
function isEmptyTuple(value: Shareable): boolean {
  return value instanceof PyTuple && value.items.length === 0;
}

function itemsOf(value: Exclude<Shareable, PyMap>): readonly Value[] {
  if (Array.isArray(value)) return value;
  if (value instanceof PyTuple) return value.items;
  return value instanceof PySet ? [...value] : [];
}

function sortedIf(sort: boolean, pairs: readonly (readonly [Value, Value])[]): readonly (readonly [Value, Value])[] {
  return sort ? sortedPairs(pairs) : pairs;
}

function plain(tag: string, text: string): EmitScalar {
  return {
    kind: 'scalar',
    text,
    literal: false,
    plainAllowed: resolvePlain(text) === tag,
    quotedAllowed: tag === YAML_TAG.str,
  };
}

/** Base64 in lines of 76 characters, as Python's `encodebytes` cuts them. */
function binary(bytes: Uint8Array): EmitScalar {
  const text = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{1,76}/g, '$&\n');
  return { kind: 'scalar', tag: '!!binary', text, literal: true, plainAllowed: false, quotedAllowed: false };
}

function yamlFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  const text = floatText(value);
  // YAML 1.1 wants a point in every float.
  return text.includes('.') ? text : text.replace('e', '.0e');
}
