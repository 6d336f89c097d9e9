import type { RunGraph } from '@edge-run/shared/protocol';
import { type Style, sanitize } from './style.ts';

type GraphStep = RunGraph['steps'][number];
type GraphEdge = RunGraph['edges'][number];

/** Ways a graph is written for other programs that draw. */
export const GRAPH_FORMATS = ['text', 'dot', 'mermaid'] as const;
/** One of them. */
export type GraphFormat = (typeof GRAPH_FORMATS)[number];

/** The graph in one of the formats. */
export function renderGraph(graph: RunGraph, format: GraphFormat, style: Style): string {
  switch (format) {
    case 'dot':
      return dotText(graph);
    case 'mermaid':
      return mermaidText(graph);
    case 'text':
      return treeText(graph, style);
  }
}

/**
 * Steps numbered in the order they run. Each stands once, below the step it waits for longest; what else it needs is
 * said beside it.
 */
function treeText(graph: RunGraph, style: Style): string {
  const order = new Map(graph.steps.map(({ key }, index) => [key, index]));
  const needsOf = groupBy(graph.edges, ({ to }) => to);
  const children = new Map<string | undefined, GraphStep[]>();
  for (const step of graph.steps) {
    // Only what runs before it can be above it: a listener or a `prereq` points the other way.
    const before = (needsOf.get(step.key) ?? []).filter(({ from }) => order.get(from)! < order.get(step.key)!);
    const parent = before.reduce<GraphEdge | undefined>(
      (last, edge) => (last === undefined || order.get(edge.from)! > order.get(last.from)! ? edge : last),
      undefined,
    )?.from;
    children.set(parent, [...(children.get(parent) ?? []), step]);
  }
  const ids = new Map(graph.steps.map(({ key, id }) => [key, id]));
  const lines: string[] = [];
  const add = (parent: string | undefined, indent: string): void => {
    const below = children.get(parent) ?? [];
    for (const [index, step] of below.entries()) {
      const isLast = index === below.length - 1;
      const branch = parent === undefined ? '' : `${indent}${isLast ? '└─ ' : '├─ '}`;
      const needs = (needsOf.get(step.key) ?? []).map(
        ({ from, kind, any }) => `${kind}${any ? ' any' : ''} ${ids.get(from)}`,
      );
      const notes = [step.kind, step.target ?? '', step.parallel ? 'parallel' : '', needs.join(', ')];
      const text = notes.filter((note) => note !== '').join('   ');
      const number = style.dim(String(order.get(step.key)! + 1));
      lines.push(`${branch}${number} ${sanitize(step.id)}   ${style.dim(sanitize(text))}`);
      add(step.key, parent === undefined ? '' : `${indent}${isLast ? '   ' : '│  '}`);
    }
  };
  add(undefined, '');
  const count = graph.steps.length === 1 ? '1 step' : `${graph.steps.length} steps`;
  return `${style.bold(sanitize(graph.name))}   ${count}, numbered in the order they run\n${lines.map((line) => `${line}\n`).join('')}`;
}

function dotText({ name, steps, edges }: RunGraph): string {
  const numbers = new Map(steps.map(({ key }, index) => [key, index + 1]));
  const nodes = steps.map(({ id, kind }, index) => `  n${index + 1} [label="${quoted(id)}\\n${quoted(kind)}"];`);
  const lines = edges.map(({ from, to, kind }) => {
    const dashed = kind === 'onfail' ? ', style=dashed' : '';
    return `  n${numbers.get(from)} -> n${numbers.get(to)} [label="${kind}"${dashed}];`;
  });
  return `digraph "${quoted(name)}" {\n  node [shape=box];\n${[...nodes, ...lines].join('\n')}\n}\n`;
}

function mermaidText({ steps, edges }: RunGraph): string {
  const numbers = new Map(steps.map(({ key }, index) => [key, index + 1]));
  const text = (words: string): string =>
    sanitize(words).replace(/[&<>"#]/g, (character) => `#${character.charCodeAt(0)};`);
  const nodes = steps.map(({ id, kind }, index) => `  n${index + 1}["${text(id)}<br/>${text(kind)}"]`);
  const lines = edges.map(({ from, to, kind }) => {
    const arrow = kind === 'onfail' ? '-.->' : '-->';
    return `  n${numbers.get(from)} ${arrow}|${kind}| n${numbers.get(to)}`;
  });
  return `flowchart TD\n${[...nodes, ...lines].join('\n')}\n`;
}

function quoted(text: string): string {
  return sanitize(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
