import { becomeRefused } from '@edge-run/master/ssh/internal';
import { describe, expect, it } from 'vitest';

/** What programs said on Debian 12, Alpine and OpenBSD, how often a password was asked for, and what it means. */
const SAID = [
  ['sudo', 'sh: 1: exec: sudo: not found', 0, 'EDGE_SSH_SUDO_MISSING'],
  ['sudo', 'bash: line 1: exec: sudo: not found', 0, 'EDGE_SSH_SUDO_MISSING'],
  ['doas', 'sh: exec: line 0: doas: not found', 0, 'EDGE_SSH_SUDO_MISSING'],
  ['sudo', 'sudo: a password is required', 0, 'EDGE_SSH_SUDO_PASSWORD'],
  ['sudo', 'Sorry, try again.\nsudo: no password was provided', 2, 'EDGE_SSH_SUDO_PASSWORD'],
  ['sudo', 'app is not in the sudoers file.', 1, 'EDGE_SSH_SUDO_REFUSED'],
  ['sudo', 'Sorry, user app is not allowed to execute /bin/sh as root on web1.', 1, 'EDGE_SSH_SUDO_REFUSED'],
  ['su', 'Password: \nsu: Authentication failure', 1, 'EDGE_SSH_SUDO_PASSWORD'],
  ['su', 'su: incorrect password', 1, 'EDGE_SSH_SUDO_PASSWORD'],
  ['doas', 'doas: Authentication required', 0, 'EDGE_SSH_SUDO_PASSWORD'],
  ['doas', 'doas: Authorization required', 0, 'EDGE_SSH_SUDO_PASSWORD'],
  ['doas', 'doas: Operation not permitted', 0, 'EDGE_SSH_SUDO_REFUSED'],
  ['su', 'su: user nobody-here does not exist', 0, 'EDGE_SSH_SUDO_REFUSED'],
] as const;

describe('becomeRefused', () => {
  it.each(SAID)('%s saying %j after %i prompts is %s', (kind, said, prompts, code) => {
    const error = becomeRefused('web1', { kind, user: 'root' }, { said, prompts });
    expect(error.code).toBe(code);
    expect(error.message).toContain(`become root by ${kind}`);
    expect(error.hint).toBeTruthy();
  });
});
