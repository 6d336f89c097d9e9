import type { z } from 'zod';
import type { FileSource } from '../../files/index.ts';
import type { Host } from '../../host/index.ts';
import type { CompiledPillar, ExternalPillar, ExternalPillarRequest } from '../compile.ts';
import type { VaultServer } from './vault-client.ts';

/** A kind of source that `ext_pillar` may name: its settings, and what makes a source of them. */
export interface ExternalKind<S = unknown> {
  /** The key in `ext_pillar`. */
  readonly name: string;
  readonly summary: string;
  readonly settings: z.ZodType<S>;
  /** @throws EdgeError `EDGE_CONFIG_INVALID` for what only the whole configuration shows to be wrong */
  create(settings: S, services: ExternalServices): Omit<ExternalPillar, 'name'>;
}

/** What sources work with. */
export interface ExternalServices {
  /** Where commands run and files are read. */
  readonly host: Host;
  /** Makes paths of the configuration absolute. */
  resolvePath(path: string): string;
  readonly nodegroups: Readonly<Record<string, string | readonly string[]>>;
  /** The server of `vault` sources. */
  readonly vault?: VaultServer;
  readonly git: GitPillarOptions;
  /** Compiles a tree of pillar files, top file and all, without any external source. */
  compileFiles(files: FileSource, request: ExternalPillarRequest, signal: AbortSignal): Promise<CompiledPillar>;
}

/** Salt's `git_pillar_*` options. */
export interface GitPillarOptions {
  /** The branch or tag that is `base`. */
  readonly base: string;
  /** Whether files of a remote may include those of others of its environment. */
  readonly includes: boolean;
  /** How long a fetched copy of a remote repository is believed. */
  readonly updateIntervalMs: number;
  /** Where copies of remote repositories are kept. */
  readonly cacheDir: string;
}

/** Declares a kind of source, its settings inferred from their schema. */
export function defineExternal<S>(kind: ExternalKind<S>): ExternalKind<S> {
  return kind;
}
