import { type Io, runCli } from '@edge-run/cli/shell';
import { createMemoryBus } from '@edge-run/shared/bus';
import { systemClock } from '@edge-run/shared/kernel';
import type { EdgeEvent, OperationAnswer, OperationArgs, OperationName } from '@edge-run/shared/protocol';
import { eventSubject, OPERATIONS, SUBJECTS } from '@edge-run/shared/protocol';

/** Answers of a scripted master; what it returns or throws is what the caller gets. */
export type Script = {
  readonly [N in OperationName]?: (
    args: OperationArgs<N>,
    publish: (tag: string, data: unknown, at?: number) => Promise<void>,
  ) => OperationAnswer<N> | Promise<OperationAnswer<N>>;
};

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What the master was asked, in order. */
  readonly asked: readonly { readonly name: string; readonly args: unknown }[];
}

/** Runs a whole command line in this process against a scripted master on a bus in memory. */
export async function runLine(
  argv: readonly string[],
  script: Script = {},
  changes: {
    readonly env?: Record<string, string>;
    readonly cwd?: string;
    readonly terminal?: boolean;
    readonly answer?: string;
    /** Called with a function that presses Ctrl-C, once the line listens for it. */
    readonly onListen?: (interrupt: () => void) => void;
  } = {},
): Promise<Ran> {
  const bus = createMemoryBus();
  const stop = new AbortController();
  const asked: { name: string; args: unknown }[] = [];
  const serving = Object.entries(script).map(([name, answer]) =>
    serve(name as OperationName, answer as (args: never, publish: never) => unknown),
  );
  const out = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr'): Io['stdout'] => ({
    write: (text) => {
      out[name] += text;
    },
    isTty: changes.terminal === true,
    columns: changes.terminal === true ? 100 : undefined,
    rows: changes.terminal === true ? 30 : undefined,
  });
  const io: Io = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdin: { isTty: changes.answer !== undefined, ask: async () => changes.answer ?? '' },
    env: { EDGE_NATS_URL: 'memory:', NO_COLOR: '1', ...changes.env },
    cwd: changes.cwd ?? '/nowhere',
    home: '/nowhere',
    isRoot: false,
    clock: systemClock,
    onInterrupt: (listener) => {
      changes.onListen?.(listener);
      return () => {};
    },
    connect: async () => ({ bus: bus.connect('_INBOX.me'), user: 'me' }),
    loadStack: async () => {
      throw new Error('no stack in this test');
    },
  };
  try {
    const exitCode = await runCli(argv, io, '9.9.9');
    return { exitCode, ...out, asked };
  } finally {
    stop.abort();
    await Promise.all(serving);
    await bus.close();
  }

  async function serve(name: OperationName, answer: (args: never, publish: never) => unknown): Promise<void> {
    for await (const { body, respond } of bus.subscribe(SUBJECTS.operation(name, 'me'), { signal: stop.signal })) {
      asked.push({ name, args: body });
      try {
        const args = OPERATIONS[name].args.parse(body);
        respond?.({ ok: true, answer: await answer(args as never, publish as never) });
      } catch (error) {
        const { code = 'EDGE_INTERNAL', message, hint } = error as Error & { code?: string; hint?: string };
        respond?.({ ok: false, error: { code, message, details: {}, ...(hint === undefined ? {} : { hint }) } });
      }
    }
  }

  async function publish(tag: string, data: unknown, at = Date.now()): Promise<void> {
    const event: EdgeEvent = { id: `e${Math.random()}`, tag, data: data as EdgeEvent['data'], at, source: 'master:m1' };
    await bus.publish(eventSubject(tag), event);
  }
}
