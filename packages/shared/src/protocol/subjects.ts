/*
 * The subject layout. Every variable part is one whole token, so that permissions can be written with `{{name()}}`.
 *
 *   edge.job.id.<id>                  a job for one minion
 *   edge.ret.<jid>.<id>               a minion's return, captured by the stream EDGE_RETURNS
 *   edge.evt.<id>                     an event a minion sends, taken up by the gateway
 *   edge.event.<tag…>                 events as masters publish them, captured by EDGE_EVENTS; `/` of the tag is `.`
 *   edge.rpc.<id>.<operation>         what a minion asks of the master: pillar, files, mine
 *   edge.op.<user>.<operation>        what a person or the API asks of the master; the server vouches for the user
 *   edge.run.<run id>                 the journal, captured by EDGE_JOURNAL
 *   edge.file.<digest>.<part>        contents of files that runs stand on, kept by EDGE_FILES
 *   edge.enroll.knock.<public key>    an unknown minion asks to be let in
 *   edge.enroll.ack.<public key>      and reads the answer
 */

/** A host id as one subject token; `=XX` stands for bytes a token cannot hold. */
export function idToken(id: string): string {
  if (/^[A-Za-z0-9_-]*$/.test(id)) return id;
  return [...Buffer.from(id, 'utf8')]
    .map((byte) =>
      /[A-Za-z0-9_-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `=${byte.toString(16).padStart(2, '0')}`,
    )
    .join('');
}

/** The id a token stands for. */
export function idFromToken(token: string): string {
  const bytes = token.replace(/=([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The subject of an event's tag: `release/requested` is `edge.event.release.requested`. */
export function eventSubject(tag: string): string {
  return `edge.event.${tag
    .split('/')
    .map((part) => idToken(part) || '=')
    .join('.')}`;
}

/** Every subject, by what travels on it. */
export const SUBJECTS = {
  job: (id: string): string => `edge.job.id.${idToken(id)}`,
  returns: (jid: string, id: string): string => `edge.ret.${jid}.${idToken(id)}`,
  returnsOf: (jid: string): string => `edge.ret.${jid}.*`,
  minionEvent: (id: string): string => `edge.evt.${idToken(id)}`,
  minionEvents: 'edge.evt.*',
  events: 'edge.event.>',
  rpc: (id: string, operation: string): string => `edge.rpc.${idToken(id)}.${operation}`,
  rpcAll: 'edge.rpc.*.>',
  /** `user` is the name in the caller's credentials; `local` where the server knows no users. */
  operation: (name: string, user = 'local'): string => `edge.op.${idToken(user)}.${name}`,
  operations: 'edge.op.>',
  run: (run: string): string => `edge.run.${run}`,
  runs: 'edge.run.*',
  filePart: (digest: string, part: string): string => `edge.file.${digest.replace(/^sha256:/, '')}.${part}`,
  fileParts: 'edge.file.*.*',
  knock: (publicKey: string): string => `edge.enroll.knock.${publicKey}`,
  knocks: 'edge.enroll.knock.*',
  ack: (publicKey: string): string => `edge.enroll.ack.${publicKey}`,
} as const;

/** JetStream streams; created by the master. */
export const STREAMS = {
  journal: { name: 'EDGE_JOURNAL', subjects: ['edge.run.*'] },
  returns: { name: 'EDGE_RETURNS', subjects: ['edge.ret.*.*'] },
  events: { name: 'EDGE_EVENTS', subjects: ['edge.event.>'] },
  files: { name: 'EDGE_FILES', subjects: ['edge.file.*.*'] },
} as const;

/** Who may have published on `subject`, as the server's permissions see it; undefined where the subject does not say. */
export function senderToken(subject: string): string | undefined {
  const [, kind, first, second] = subject.split('.');
  if (!subject.startsWith('edge.')) return undefined;
  if (kind === 'rpc' || kind === 'evt' || kind === 'op') return first;
  return kind === 'ret' ? second : undefined;
}
