/**
 * Every error code with the sentence docs/errors.md is generated from. A code, once released, never changes meaning.
 * Kept sorted.
 */
export const ERROR_CODES = {
  EDGE_BAD_ARGUMENT: 'An argument has a value its declaration does not allow.',
  EDGE_BUS_NO_RESPONDER: 'Nobody listens where a request was sent.',
  EDGE_BUS_TIMEOUT: 'Nobody answered a request on the bus in time.',
  EDGE_BUS_UNREACHABLE: 'The NATS server could not be reached or refused the connection.',
  EDGE_CANCELLED: 'The work was cancelled before it ended.',
  EDGE_COMMAND_FAILED: 'A command on a host ended with a non-zero exit code.',
  EDGE_COMMAND_NOT_FOUND: 'A program is not installed on the host.',
  EDGE_CONFIG_INVALID: 'A configuration file or value is not valid.',
  EDGE_DEADLINE: 'The work did not end before its deadline.',
  EDGE_DUPLICATE_MODULE: 'Two modules declare the same name.',
  EDGE_FILE_NOT_FOUND: 'A file that was asked for does not exist on the host.',
  EDGE_HOST_UNREACHABLE: 'The host could not be reached.',
  EDGE_INTERNAL: 'A fault in Edge itself: please report it.',
  EDGE_JOURNAL_CONFLICT: 'Another master appended to the run first; it owns the run now.',
  EDGE_LB_MEMBER_NOT_UP: 'A server that was put back into its pool did not come up in time.',
  EDGE_LB_REFUSED: 'The load balancer refused a command or answered something else than it should.',
  EDGE_LB_UNKNOWN_MEMBER: 'The load balancer knows no server of that name in the pool.',
  EDGE_LB_UNKNOWN_POOL: 'The load balancer knows no pool of that name.',
  EDGE_LB_UNREACHABLE: 'The load balancer did not answer.',
  EDGE_MISSING_ARGUMENT: 'A required argument was not given.',
  EDGE_NOT_ALLOWED: 'The caller is not allowed to do this.',
  EDGE_NOT_SUPPORTED: 'The host, or the way it is reached, cannot do this.',
  EDGE_NUMBER_FOR_TEXT: 'A number stands where text is declared; YAML may have changed it.',
  EDGE_PERMISSION_DENIED: 'The operating system refused access to a file or operation on the host.',
  EDGE_SSH_AUTH_FAILED: 'The host refused every credential it was offered.',
  EDGE_SSH_CONNECTION_LOST: 'The SSH connection broke while a command ran; whether it ended is unknown.',
  EDGE_SSH_HANDSHAKE_FAILED: 'The SSH handshake ended before the host could be asked for anything.',
  EDGE_SSH_HOST_KEY_CHANGED: 'The host shows another SSH key than the one that is known.',
  EDGE_SSH_HOST_KEY_REVOKED: 'The host shows an SSH key that was revoked.',
  EDGE_SSH_HOST_KEY_UNKNOWN: 'The SSH key of the host is not known, and strict checking is on.',
  EDGE_SSH_KEY_UNUSABLE: 'A private key file is missing, unreadable, or needs a passphrase.',
  EDGE_SSH_NAME_UNKNOWN: 'The name of the host cannot be resolved.',
  EDGE_SSH_NO_SUCH_HOST: 'The roster has no host of that id.',
  EDGE_SSH_REFUSED: 'The host is there, but nothing listens on its SSH port.',
  EDGE_SSH_SESSION_REFUSED: 'The host refused to open a session on an SSH connection.',
  EDGE_SSH_SUDO_REFUSED: 'The host does not let the SSH user become the user asked for.',
  EDGE_SSH_TIMED_OUT: 'The SSH connection was not ready before its deadline.',
  EDGE_SSH_UNREACHABLE: 'The network of the host cannot be reached.',
  EDGE_UNKNOWN_ARGUMENT: 'An argument is not in the declaration of the function.',
  EDGE_UNKNOWN_FUNCTION: 'No function of that name exists.',
} as const satisfies Record<`EDGE_${string}`, string>;

/** A code listed in docs/errors.md. */
export type ErrorCode = keyof typeof ERROR_CODES;
