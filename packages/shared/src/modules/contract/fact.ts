import type { Command } from '../../host/index.ts';

/** A fact of a host: a command that changes nothing and a pure reading of what it prints. */
export interface FactModule<T = unknown> {
  /** Dotted: `systemd.units`. */
  readonly name: string;
  readonly summary: string;
  readonly command: Command;
  parse(stdout: string): T;
}
