import { EdgeError } from '../kernel/index.ts';
import { senderToken } from '../protocol/index.ts';

/** True when `subject` is one `pattern` stands for: `*` is one token, a final `>` one or more. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const given = subject.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return given.length > index;
    if (index >= given.length || (token !== '*' && token !== given[index])) return false;
  }
  return wanted.length === given.length;
}

/**
 * True when an answer to a message on `subject` may go to `reply`. Servers check who publishes where but not the reply
 * subject of a message: a minion could name another's job subject and have the master publish there. So answers go to
 * inboxes only, and where the subject names its sender, to that sender's own.
 */
export function mayReply(subject: string, reply: string): boolean {
  const sender = senderToken(subject);
  return reply.startsWith(sender === undefined ? '_INBOX.' : `_INBOX.${sender}.`) && !/[*>\s]/.test(reply);
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` when nothing can be published on the subject. */
export function checkPublishSubject(subject: string): void {
  if (/[\s*>]|\.\.|^\.|\.$|^$/.test(subject)) {
    throw new EdgeError('EDGE_BAD_ARGUMENT', `'${subject}' is not a subject to publish on`, { subject });
  }
}
