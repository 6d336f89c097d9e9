import type { JsonObject, SourceRange } from '../kernel/index.ts';

/** A group of an Ansible inventory. */
export interface InventoryGroup {
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  vars: JsonObject;
}

/** An Ansible inventory as its files say it: nothing is inherited yet. */
export interface Inventory {
  /** Host → its own variables and where it is written first. */
  readonly hosts: Map<string, { vars: JsonObject; readonly source: SourceRange }>;
  readonly groups: Map<string, InventoryGroup>;
}

/** An inventory with nobody in it. */
export function emptyInventory(): Inventory {
  return { hosts: new Map(), groups: new Map() };
}

/** The group of that name, made if need be. */
export function groupOf({ groups }: Inventory, name: string): InventoryGroup {
  const known = groups.get(name);
  if (known !== undefined) return known;
  const made: InventoryGroup = { hosts: new Set(), children: new Set(), vars: {} };
  groups.set(name, made);
  return made;
}

/** Adds a host to a group, with variables laid over those it has. */
export function addHost(inventory: Inventory, group: string, id: string, vars: JsonObject, source: SourceRange): void {
  const known = inventory.hosts.get(id);
  if (known === undefined) inventory.hosts.set(id, { vars, source });
  else known.vars = { ...known.vars, ...vars };
  groupOf(inventory, group).hosts.add(id);
}

/** The groups a host is in, its own and those above, the farthest first; `all` is always the first. */
export function groupsAround({ groups }: Inventory, host: string): readonly string[] {
  const depths = new Map<string, number>();
  const parents = (name: string): string[] =>
    [...groups].filter(([, group]) => group.children.has(name)).map(([parent]) => parent);
  const depthOf = (name: string, below: readonly string[]): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const above = name === 'all' || below.includes(name) ? [] : parents(name);
    const depth = name === 'all' ? 0 : 1 + Math.max(0, ...above.map((parent) => depthOf(parent, [...below, name])));
    depths.set(name, depth);
    return depth;
  };
  for (const [name, group] of groups) if (group.hosts.has(host)) depthOf(name, []);
  depths.set('all', 0);
  const priority = (name: string): number => Number(groups.get(name)?.vars.ansible_group_priority ?? 1);
  return [...depths.keys()].sort(
    (a, b) => depths.get(a)! - depths.get(b)! || priority(a) - priority(b) || (a < b ? -1 : 1),
  );
}
