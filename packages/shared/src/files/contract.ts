/** One file a source can serve. */
export interface FileEntry {
  /** Path below the root, with `/`: `web/init.sls`. */
  readonly path: string;
  /** `sha256:<hex>` of the content. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
}

/** A file found, with its content on demand. */
export interface FileHandle extends FileEntry {
  read(): Promise<Uint8Array>;
}

/**
 * Where `salt://` (the same as `edge://`) files come from: local roots, git, or a master. Environments are Salt's
 * `saltenv`s; an unknown one holds no files.
 */
export interface FileSource {
  /** Opens `salt://path`, `edge://path` or a bare path; `?saltenv=x` in the URI wins over `env`. Undefined: not there. */
  open(uri: string, env: string): Promise<FileHandle | undefined>;
  /** Every file whose path starts with `prefix`, sorted by path. */
  list(prefix: string, env: string): AsyncIterable<FileEntry>;
  /**
   * Opens entries of a list whose contents are wanted next: a source behind a network fetches together what it lacks.
   * Entries whose file is no longer there are left out. Absent where opening one by one costs nothing.
   */
  openAll?(entries: readonly FileEntry[], env: string): Promise<readonly FileHandle[]>;
  /** Names of the environments, in order of definition. */
  environments(): Promise<readonly string[]>;
}
