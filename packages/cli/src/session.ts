import { EdgeError } from '@edge-run/shared/kernel';
import { createClient, type MasterClient } from './client.ts';
import { findContext } from './connection.ts';
import type { Flags } from './flags.ts';
import type { Io } from './io.ts';
import { type Style, styleFor } from './output/style.ts';

/** What a command works with: its flags, its streams and, once it asks, the master. */
export interface Session {
  readonly io: Io;
  readonly flags: Flags;
  /** Colours of stdout. */
  readonly style: Style;
  /** Colours of stderr. */
  readonly noteStyle: Style;
  /** How many of the last words stood after `--`: taken as they are. */
  readonly literalWords: number;
  /** Connects at the first call. */
  master(): Promise<MasterClient>;
  /** A line for the person who watches, on stderr; nothing with `--quiet`. */
  note(text: string): void;
  close(): Promise<void>;
}

/** A session for one command line. */
export function createSession(io: Io, flags: Flags, literalWords: number): Session {
  let client: Promise<MasterClient> | undefined;
  const open = async (): Promise<MasterClient> => {
    const context = await findContext(flags, io);
    if (flags.verbose > 0) io.stderr.write(`context ${context.name}: ${context.url} (from ${context.origin})\n`);
    return createClient(await io.connect(context), context);
  };
  return {
    io,
    flags,
    literalWords,
    style: styleFor(io.stdout, flags.color, io.env),
    noteStyle: styleFor(io.stderr, flags.color, io.env),
    master: () => {
      client ??= open();
      return client;
    },
    note: (text) => {
      if (!flags.quiet) io.stderr.write(`${text}\n`);
    },
    close: async () => {
      const opened = await client?.catch(() => undefined);
      await opened?.close();
    },
  };
}

/**
 * Asks before something is destroyed or let in. @throws EdgeError `EDGE_NOT_CONFIRMED` when the answer is no or nobody
 * can be asked.
 */
export async function confirm(session: Session, question: string): Promise<void> {
  const { io, flags } = session;
  if (flags.yes) return;
  if (!flags.input || !io.stdin.isTty) {
    throw new EdgeError(
      'EDGE_NOT_CONFIRMED',
      `${question} Nobody can be asked here`,
      {},
      {
        hint: 'Say yes beforehand: edge-run … --yes',
      },
    );
  }
  const answer = await io.stdin.ask(`${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new EdgeError(
      'EDGE_NOT_CONFIRMED',
      'not confirmed; nothing was changed',
      {},
      {
        hint: 'Answer y, or use edge-run … --yes.',
      },
    );
  }
}
