import type { Duplex } from 'node:stream';
import type { HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { parseCsv } from '../text/index.ts';

const ANSWER_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** Answers that say what went wrong; anything else is data. */
const REFUSALS = [
  /^No such (backend|server|proxy|frontend)/i,
  /^Can't find (backend|server|frontend)/i,
  /^Permission denied/i,
  /^Unknown command/i,
  /^'set [^']*' expects/i,
  /^Require/i,
  /^Invalid/i,
  /^Malformed/i,
];

/** One row of `show stat`: header name → text. */
export type StatRow = Readonly<Record<string, string>>;

/** Asks one command of the admin socket and answers its text without the final empty line. @throws EdgeError */
export async function askHaproxy(host: HostReader, socket: string, command: string): Promise<string> {
  if (host.connect === undefined)
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      `${host.id} is reached in a way that opens no connections`,
      { socket },
      { hint: 'Run it on the host itself.' },
    );
  if (/[\n;]/.test(command))
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'one command of HAProxy at a time, on one line', { command });
  const stream = await host.connect({ path: socket });
  const answer = (await exchange(stream, `${command}\n`, command)).replace(/\n+$/, '').replace(/^\n+/, '');
  if (REFUSALS.some((refusal) => refusal.test(answer)))
    throw new EdgeError(
      'EDGE_COMMAND_FAILED',
      `HAProxy at ${socket} on ${host.id} refused '${command}': ${answer.split('\n')[0]}`,
      { command, answer },
      {
        hint: /^Permission/i.test(answer)
          ? 'The socket needs `level admin` in the configuration.'
          : "Ask 'haproxy.list_servers' for the names.",
      },
    );
  return answer;
}

function exchange(stream: Duplex, question: string, what: string): Promise<string> {
  return new Promise((done, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: EdgeError): void => {
      clearTimeout(timer);
      stream.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new EdgeError('EDGE_DEADLINE', `HAProxy did not answer '${what}' within ${ANSWER_TIMEOUT_MS} ms`)),
      ANSWER_TIMEOUT_MS,
    );
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES)
        fail(new EdgeError('EDGE_COMMAND_FAILED', `the answer of HAProxy to '${what}' is too long`));
      else chunks.push(chunk);
    });
    stream.once('error', (cause: Error) =>
      fail(new EdgeError('EDGE_COMMAND_FAILED', `HAProxy broke off '${what}': ${cause.message}`, {}, { cause })),
    );
    stream.once('end', () => {
      clearTimeout(timer);
      stream.destroy();
      done(Buffer.concat(chunks).toString('utf8'));
    });
    stream.write(question);
  });
}

/** Reads the CSV of `show stat`, by header name: the fields differ between versions. */
export function parseStat(csv: string): StatRow[] {
  const [names = [], ...rows] = parseCsv(csv.replace(/^#\s*/, '')).filter((row) => row.length > 1);
  return rows.map((values) =>
    Object.fromEntries(names.flatMap((name, index) => (name === '' ? [] : [[name, values[index] ?? '']]))),
  );
}

/** Reads `show servers state`: a version line, a header line, one line per server. */
export function parseServersState(output: string): StatRow[] {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const header = lines.find((line) => line.startsWith('# '));
  const names = header?.slice(2).trim().split(' ') ?? [];
  return lines
    .filter((line) => !line.startsWith('#') && line.includes(' '))
    .map((line) => {
      const values = line.split(' ');
      return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
    });
}

/** Reads `50 (initial 100)`. */
export function parseWeight(answer: string): { current: number; initial: number } {
  const match = /^(\d+) \(initial (\d+)\)/.exec(answer.trim());
  if (match === null) throw new EdgeError('EDGE_COMMAND_FAILED', `not a weight of HAProxy: ${answer}`, { answer });
  return { current: Number(match[1]), initial: Number(match[2]) };
}
