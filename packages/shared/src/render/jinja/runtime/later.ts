import { PyFault } from './fault.ts';
import { repr } from './print.ts';
import { isCallable, type Kwargs, Members } from './types.ts';

/*
 * Names whose values are known only when a run has got so far: `steps` in an orchestration. What a template makes of
 * one by attributes, items, filters and calls is an expression that is printed as a mark, to be filled in later.
 */

const OPEN = '\u27e6';
const CLOSE = '\u27e7';
const MARK = new RegExp(`${OPEN}([^${OPEN}${CLOSE}]*)${CLOSE}`, 'g');

/** An expression over a name that has no value yet. */
export class Later extends Members {
  readonly typeName = 'later value';
  readonly name = 'later value';
  readonly mayWait = false;
  readonly #expression: string;

  constructor(expression: string) {
    super();
    this.#expression = expression;
  }

  attribute(name: string): Later {
    return new Later(`${this.#expression}.${name}`);
  }

  override item(key: unknown): Later {
    return new Later(`${this.#expression}[${literal(key)}]`);
  }

  call(_env: unknown, args: readonly unknown[], kwargs: Kwargs): Later {
    return new Later(`${this.#expression}(${argumentList(args, kwargs)})`);
  }

  /** What `filter` makes of the value once it is there. */
  filtered(filter: string, args: readonly unknown[], kwargs: Kwargs): Later {
    const list = argumentList(args, kwargs);
    return new Later(`${this.#expression}|${filter}${list === '' ? '' : `(${list})`}`);
  }

  override print(): string {
    return `${OPEN}${encodeURIComponent(this.#expression).replaceAll('%7C', '|')}${CLOSE}`;
  }

  /** Why the template cannot go on: it wants to decide by a value that is not there yet. */
  fault(): PyFault {
    return new PyFault(
      'LaterValue',
      `\`${this.#expression}\` is known only when the run gets there`,
      'Print it with {{ }} in an argument of a step; what depends on it belongs in `onlyif`, or in a step of its own.',
    );
  }
}

/** True for texts with at least one value that is to be filled in later. */
export function hasMark(text: string): boolean {
  return text.includes(OPEN) && text.search(MARK) >= 0;
}

/** The parts of a text: plain ones, and expressions whose values are known only later. */
export function splitMarks(text: string): readonly ({ readonly text: string } | { readonly expression: string })[] {
  const parts: ({ text: string } | { expression: string })[] = [];
  let end = 0;
  for (const match of text.matchAll(MARK)) {
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ expression: decodeURIComponent(match[1]!) });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function argumentList(args: readonly unknown[], kwargs: Kwargs): string {
  return [...args.map(literal), ...[...(kwargs ?? [])].map(([name, value]) => `${name}=${literal(value)}`)].join(', ');
}

function literal(value: unknown): string {
  if (value instanceof Later) return decodeURIComponent(value.print().slice(OPEN.length, -CLOSE.length));
  if (value instanceof Members || isCallable(value)) throw new Later('a function').fault();
  return repr(value);
}
