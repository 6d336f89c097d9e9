import { type Clock, systemClock } from '@edge-run/shared/kernel';
import type { Connection } from './client.ts';
import type { BusContext } from './connection.ts';
import type { Stack } from './stack/contract.ts';

/** Where text goes; `columns` and `rows` are undefined when it is no terminal. */
export interface Sink {
  write(text: string): void;
  readonly isTty: boolean;
  readonly columns: number | undefined;
  readonly rows: number | undefined;
}

/** Everything a command touches outside itself, so that a test can run whole command lines. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly stdin: { readonly isTty: boolean; ask(question: string): Promise<string> };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly isRoot: boolean;
  readonly clock: Clock;
  /** Calls `listener` on each Ctrl-C until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
  /** @throws EdgeError `EDGE_BUS_UNREACHABLE` */
  connect(context: BusContext): Promise<Connection>;
  loadStack(): Promise<Stack>;
}

/** The real process: terminal, environment, clock and network. */
export function processIo(): Io {
  return {
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    stdin: { isTty: process.stdin.isTTY === true, ask: askOnTerminal },
    env: process.env,
    cwd: process.cwd(),
    home: process.env.HOME ?? '/',
    isRoot: process.getuid?.() === 0,
    clock: systemClock,
    onInterrupt: (listener) => {
      process.on('SIGINT', listener);
      return () => process.off('SIGINT', listener);
    },
    connect: async (context) => (await import('./connect-nats.ts')).connectToContext(context),
    loadStack: () => import('./stack/index.ts'),
  };
}

function sinkOf(stream: NodeJS.WriteStream): Sink {
  return {
    write: (text) => void stream.write(text),
    isTty: stream.isTTY === true,
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
    get rows() {
      return stream.isTTY ? stream.rows : undefined;
    },
  };
}

async function askOnTerminal(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await reader.question(question);
  } finally {
    reader.close();
  }
}
