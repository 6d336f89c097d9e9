import type { Permissions } from '@edge-run/shared/bus';

/*
 * What each kind of user may do on the server. `{{name()}}` is the user's name, a whole token; a template that is part
 * of a token is not expanded by nats-server 2.9. Nobody but masters touches `$JS.API`: a consumer's deliver subject, or
 * a reply subject, would let its owner publish where he may not.
 */

/** A minion: its own jobs, returns, events and questions, and answers to what it was asked. */
export const MINION: Permissions = {
  pub: { allow: ['edge.ret.*.{{name()}}', 'edge.evt.{{name()}}', 'edge.rpc.{{name()}}.>'] },
  sub: { allow: ['edge.job.id.{{name()}}', '_INBOX.{{name()}}.>'] },
  resp: { max: 1, ttlMs: 30_000 },
};

/** Somebody unknown who knocks. The credential is public. */
export const KNOCKER: Permissions = {
  pub: { allow: ['edge.enroll.knock.*'] },
  sub: { allow: ['edge.enroll.ack.*'] },
};

/** A person at the command line, or the API on a person's behalf: asks operations and watches. */
export const OPERATOR: Permissions = {
  pub: { allow: ['edge.op.{{name()}}.>'] },
  sub: { allow: ['_INBOX.{{name()}}.>', 'edge.event.>', 'edge.run.*'] },
};

/** A master: everything in its account. */
export const MASTER: Permissions = { pub: { allow: ['>'] }, sub: { allow: ['>'] } };
