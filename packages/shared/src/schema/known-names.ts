/** Names that exist, as a map of declarations or whoever calls them knows them. */
export interface KnownNames {
  has(name: string): boolean;
  names(): Iterable<string>;
}
