import {
  type Body,
  type Expression,
  type FilterNode,
  type ForNode,
  type Parameter,
  partsOf,
  type Statement,
  type Target,
} from '../syntax/nodes.ts';

/** How a variable of generated code gets its value where its frame begins. */
export type Load =
  | { readonly kind: 'parameter' }
  | { readonly kind: 'resolve'; readonly name: string }
  | { readonly kind: 'alias'; readonly of: string }
  | { readonly kind: 'missing' };

/** Hands out the names of variables in generated code. */
export class Identifiers {
  #last = 0;

  next(): string {
    this.#last += 1;
    return `v${this.#last}`;
  }
}

/**
 * The names of one scope, worked out before any code is written. Jinja2 decides statically where a name lives: a name
 * assigned anywhere in a scope is local to it from its beginning (Jinja 3.1, idtracking.py).
 */
export class Scope {
  readonly parent: Scope | undefined;
  readonly stores: Set<string>;
  /** template name → variable */
  readonly refs: Map<string, string>;
  /** variable → how it is loaded */
  readonly loads: Map<string, Load>;
  readonly #identifiers: Identifiers;

  constructor(parent: Scope | undefined, identifiers: Identifiers, from?: Scope) {
    this.parent = parent;
    this.#identifiers = identifiers;
    this.stores = new Set(from?.stores);
    this.refs = new Map(from?.refs);
    this.loads = new Map(from?.loads);
  }

  /** A scope inside this one. */
  inner(): Scope {
    return new Scope(this, this.#identifiers);
  }

  /** A copy that can be written to without changing this one. */
  copy(): Scope {
    return new Scope(this.parent, this.#identifiers, this);
  }

  /** The variable of a name, here or further out. */
  find(name: string): string | undefined {
    return this.refs.get(name) ?? this.parent?.find(name);
  }

  /** How the variable is loaded. */
  findLoad(variable: string): Load | undefined {
    return this.loads.get(variable) ?? this.parent?.findLoad(variable);
  }

  /** Every name assigned here or further out, with its variable. */
  allStores(): Map<string, string> {
    const all = new Map<string, string>();
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      for (const name of scope.stores) if (!all.has(name)) all.set(name, this.find(name)!);
    }
    return all;
  }

  parameter(name: string): string {
    this.stores.add(name);
    return this.#define(name, { kind: 'parameter' });
  }

  store(name: string): void {
    this.stores.add(name);
    if (this.refs.has(name)) return;
    const outer = this.parent?.find(name);
    this.#define(name, outer === undefined ? { kind: 'missing' } : { kind: 'alias', of: outer });
  }

  load(name: string): void {
    if (this.find(name) === undefined) this.#define(name, { kind: 'resolve', name });
  }

  /** Takes over what the branches of an `if` did; a name only some of them assign keeps its outer value in the others. */
  mergeBranches(branches: readonly Scope[]): void {
    const counts = new Map<string, number>();
    for (const branch of branches) {
      for (const name of branch.stores) if (!this.stores.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    // Branches that met a name independently gave it different variables: the first one stands for all.
    for (const branch of branches) {
      for (const [name, variable] of branch.refs) if (!this.refs.has(name)) this.refs.set(name, variable);
      for (const [variable, load] of branch.loads) this.loads.set(variable, load);
      for (const name of branch.stores) this.stores.add(name);
    }
    const known = new Set(this.refs.values());
    for (const variable of this.loads.keys()) if (!known.has(variable)) this.loads.delete(variable);
    for (const [name, count] of counts) {
      if (count === branches.length) continue;
      const outer = this.parent?.find(name);
      this.loads.set(this.find(name)!, outer === undefined ? { kind: 'resolve', name } : { kind: 'alias', of: outer });
    }
  }

  #define(name: string, load: Load): string {
    const variable = this.#identifiers.next();
    const old = this.refs.get(name);
    if (old !== undefined) this.loads.delete(old);
    this.refs.set(name, variable);
    this.loads.set(variable, load);
    return variable;
  }

  /** Notes the names of a body that is not a scope of its own. */
  readBody(body: Body): void {
    for (const statement of body) this.#readStatement(statement);
  }

  /** Notes the names an expression reads. */
  read(node: Expression | undefined): void {
    if (!node) return;
    if (node.typename === 'Name' || node.typename === 'NamespaceRef') this.load(node.name);
    else for (const part of partsOf(node)) this.read(part);
  }

  /** Notes the names a target assigns. */
  assign(target: Target): void {
    if (target.typename === 'Name') this.store(target.name);
    else if (target.typename === 'NamespaceRef') this.load(target.name);
    else for (const item of target.items) this.assign(item as Target);
  }

  /** Declares the names of a loop's or `with`'s target. */
  assignAsParameters(target: Target): void {
    if (target.typename === 'Name') this.parameter(target.name);
    else if (target.typename !== 'NamespaceRef')
      for (const item of target.items) this.assignAsParameters(item as Target);
  }

  #readStatement(node: Statement): unknown {
    switch (node.typename) {
      case 'Print':
      case 'DoTag':
        return this.read(node.value);
      case 'Branch':
        return this.#readBranches(node);
      case 'MacroTag':
        return this.store(node.name);
      case 'ImportTag':
        this.read(node.template);
        return this.store(node.name);
      case 'FromImportTag':
        this.read(node.template);
        for (const { alias } of node.names) this.store(alias);
        return undefined;
      case 'Assign':
        this.read(node.value);
        return this.assign(node.target);
      case 'AssignBlock':
        return this.assign(node.target);
      case 'Loop':
        return this.read(node.iter);
      case 'CallTag':
        return this.read(node.call);
      case 'FilterTag':
        return this.#readFilter(node.filter);
      case 'WithTag':
        for (const value of node.values) this.read(value);
        return undefined;
      case 'ExtendsTag':
      case 'IncludeTag':
        return this.read(node.template);
      default:
        return undefined;
    }
  }

  #readFilter(filter: FilterNode): void {
    for (const part of partsOf(filter)) this.read(part);
  }

  #readBranches(node: Statement & { readonly typename: 'Branch' }): void {
    this.read(node.test);
    const branch = (read: (scope: Scope) => void): Scope => {
      const scope = this.copy();
      read(scope);
      return scope;
    };
    this.mergeBranches([
      branch((scope) => scope.readBody(node.body)),
      branch((scope) => scope.readBody(node.elifs)),
      branch((scope) => scope.readBody(node.otherwise)),
    ]);
  }
}

/** True when `body` reads `name` without having assigned it: what decides whether a loop needs `loop`. */
export function readsUndeclared(body: Body, name: string): boolean {
  let found = false;
  walk(body, (node) => {
    if (node.typename === 'Name' && node.name === name) found = true;
  });
  return found;
}

/** The attributes `body` reads of `name`; undefined when the name is used in any other way. */
export function attributesRead(body: Body, name: string): ReadonlySet<string> | undefined {
  const attributes = new Set<string>();
  let bare = 0;
  walk(body, (node) => {
    if (node.typename === 'Attribute' && node.target.typename === 'Name' && node.target.name === name) {
      attributes.add(node.name);
      bare -= 1;
    }
    if (node.typename === 'Name' && node.name === name) bare += 1;
  });
  return bare === 0 ? attributes : undefined;
}

function walk(body: Body, visit: (node: Expression) => void): void {
  const expression = (node: Expression | undefined): void => {
    if (!node) return;
    visit(node);
    for (const part of partsOf(node)) expression(part);
  };
  for (const statement of body) walkStatement(statement, expression, visit);
}

function walkStatement(
  node: Statement,
  expression: (node: Expression | undefined) => void,
  visit: (node: Expression) => void,
): unknown {
  const inside = (body: Body): void => walk(body, visit);
  const parameters = (list: readonly Parameter[]): void => {
    for (const { fallback } of list) expression(fallback);
  };
  switch (node.typename) {
    case 'Print':
    case 'DoTag':
    case 'Assign':
      return expression(node.value);
    case 'Loop':
      return walkLoop(node, expression, inside);
    case 'Branch':
      expression(node.test);
      inside(node.body);
      inside(node.elifs);
      return inside(node.otherwise);
    case 'MacroTag':
      parameters(node.parameters);
      return inside(node.body);
    case 'CallTag':
      expression(node.call);
      parameters(node.parameters);
      return inside(node.body);
    case 'FilterTag':
    case 'AssignBlock':
      expression(node.filter);
      return inside(node.body);
    case 'WithTag':
      for (const value of node.values) expression(value);
      return inside(node.body);
    case 'AutoescapeTag':
      expression(node.value);
      return inside(node.body);
    case 'BlockTag':
      return inside(node.body);
    case 'ExtendsTag':
    case 'IncludeTag':
    case 'ImportTag':
    case 'FromImportTag':
      return expression(node.template);
    default:
      return undefined;
  }
}

function walkLoop(
  node: ForNode,
  expression: (node: Expression | undefined) => void,
  inside: (body: Body) => void,
): void {
  expression(node.iter);
  expression(node.test);
  inside(node.body);
  inside(node.otherwise);
}

/** Every block of a body, inner ones included, outermost first. */
export function blocksOf(body: Body): (Statement & { readonly typename: 'BlockTag' })[] {
  const found: (Statement & { readonly typename: 'BlockTag' })[] = [];
  for (const node of body) {
    if (node.typename === 'BlockTag') found.push(node);
    if (node.typename === 'Branch') found.push(...blocksOf(node.elifs));
    if ('otherwise' in node) found.push(...blocksOf(node.otherwise));
    if ('body' in node) found.push(...blocksOf(node.body));
  }
  return found;
}
