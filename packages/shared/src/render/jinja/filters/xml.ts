import { PyMap, PyTuple } from '../../../values/index.ts';
import { PyFault, typeError } from '../runtime/fault.ts';
import { str } from '../runtime/print.ts';
import { textOf } from '../runtime/types.ts';

interface Element {
  readonly tag: string;
  readonly attributes: [string, string][];
  readonly children: Element[];
  text: string | undefined;
}

/** Salt's `xml` filter: scalars of a mapping are attributes, mappings and lists child elements; pretty-printed. */
export function formatXml(value: unknown): string {
  const pairs = entries(value);
  const root = build(pairs, undefined);
  if (!root) throw new PyFault('AttributeError', "'NoneType' object has no attribute 'iter'");
  return `<?xml version="1.0" ?>\n${print(root, '')}`;
}

function entries(value: unknown): (readonly [unknown, unknown])[] {
  if (value instanceof PyMap) return [...value];
  const items = Array.isArray(value) ? (value as unknown[]) : value instanceof PyTuple ? value.items : undefined;
  if (!items) return [];
  if (items.length === 0) throw new PyFault('IndexError', 'list index out of range');
  if (textOf(items[0]) !== undefined) return items.map(pairOf);
  return [];
}

/** Salt unpacks the elements of a list of texts like pairs: a text of one letter is too short for that. */
function pairOf(item: unknown): readonly [unknown, unknown] {
  const text = textOf(item) ?? '';
  if (text.length < 2) throw new PyFault('IndexError', 'string index out of range');
  return [text[0], text[1]];
}

function isContainer(value: unknown): boolean {
  return value instanceof PyMap || Array.isArray(value);
}

function build(pairs: readonly (readonly [unknown, unknown])[], parent: Element | undefined): Element | undefined {
  let made: Element | undefined;
  for (const [tag, content] of pairs) {
    if (Array.isArray(content)) {
      for (const item of content as unknown[]) made = build([[tag, item]], parent) ?? made;
      // Salt looks into the list once more, as if it held pairs.
      entries(content);
      continue;
    }
    const name = textOf(tag);
    if (name === undefined) throw typeError(`cannot serialize ${str(tag)}`);
    made = { tag: name, attributes: [], children: [], text: undefined };
    parent?.children.push(made);
    if (!(content instanceof PyMap)) {
      made.text = str(content);
      continue;
    }
    for (const [key, item] of content) if (!isContainer(item)) made.attributes.push([str(key), str(item)]);
    for (const [key, item] of content) if (isContainer(item)) build([[key, item]], made);
  }
  return made;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll('>', '&gt;');
}

function print({ tag, attributes, children, text }: Element, indent: string): string {
  const head = `${indent}<${tag}${attributes.map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join('')}`;
  if (children.length === 0)
    return text === undefined || text === '' ? `${head}/>\n` : `${head}>${escapeXml(text)}</${tag}>\n`;
  return `${head}>\n${children.map((child) => print(child, `${indent} `)).join('')}${indent}</${tag}>\n`;
}
