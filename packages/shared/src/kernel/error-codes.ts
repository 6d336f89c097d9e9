/**
 * Every error code with the sentence docs/errors.md is generated from. A code, once released, never changes meaning.
 * Kept sorted.
 */
export const ERROR_CODES = {
  EDGE_BAD_ARGUMENT: 'An argument has a value its declaration does not allow.',
  EDGE_BROKER_FAILED: 'The NATS server Edge runs did not start, or died too often.',
  EDGE_BROKER_MISSING: 'No nats-server program was found.',
  EDGE_BROKER_PORT_TAKEN: 'The port of the NATS server is in use.',
  EDGE_BROKER_STORE_LOCKED: 'Another NATS server uses the same store directory.',
  EDGE_BUS_NO_RESPONDER: 'Nobody listens where a request was sent.',
  EDGE_BUS_TIMEOUT: 'Nobody answered a request on the bus in time.',
  EDGE_BUS_TOO_LARGE: 'A message is larger than the NATS server takes.',
  EDGE_BUS_UNREACHABLE: 'The NATS server could not be reached or refused the connection.',
  EDGE_CANCELLED: 'The work was cancelled before it ended.',
  EDGE_COMMAND_FAILED: 'A command on a host ended with a non-zero exit code.',
  EDGE_COMMAND_NOT_FOUND: 'A program is not installed on the host.',
  EDGE_CONFIG_INVALID: 'A configuration file or value is not valid.',
  EDGE_DEADLINE: 'The work did not end before its deadline.',
  EDGE_FILE_NOT_FOUND: 'A file that was asked for does not exist on the host.',
  EDGE_HOST_UNREACHABLE: 'The host could not be reached.',
  EDGE_INTERNAL: 'A fault in Edge itself: please report it.',
  EDGE_JOB_INTERRUPTED: 'The minion was stopped while the job ran.',
  EDGE_JOB_REFUSED: 'A minion refused a job: signature, target, expiry or epoch is not right.',
  EDGE_JOB_UNKNOWN: 'No job of that id is known.',
  EDGE_JOURNAL_CONFLICT: 'Another master appended to the run first; it owns the run now.',
  EDGE_JSON_SYNTAX: 'A text is not valid JSON.',
  EDGE_KEY_INVALID: 'A key, seed or credentials file is not valid.',
  EDGE_KEY_UNKNOWN: 'No minion key of that id is known.',
  EDGE_MASTER_UNREACHABLE: 'No master answers on the bus.',
  EDGE_MINION_BUSY: 'The minion has as many jobs waiting as it takes.',
  EDGE_MISSING_ARGUMENT: 'A required argument was not given.',
  EDGE_NOT_ALLOWED: 'The caller is not allowed to do this.',
  EDGE_NOT_CONFIRMED: 'A question was answered with no, or nobody could be asked.',
  EDGE_NOT_INSTALLED: 'This installation lacks a part that was asked for.',
  EDGE_NO_CONTEXT: 'No master is configured, or none of the name that was asked for.',
  EDGE_NUMBER_FOR_TEXT: 'A number stands where text is declared; YAML may have changed it.',
  EDGE_PERMISSION_DENIED: 'The operating system refused access to a file or operation on the host.',
  EDGE_UNKNOWN_ARGUMENT: 'An argument is not in the declaration of the function.',
  EDGE_UNKNOWN_FUNCTION: 'No function of that name exists.',
  EDGE_UNKNOWN_RENDERER: 'The first line of a file names a renderer Edge does not have.',
  EDGE_YAML_DUPLICATE_KEY: 'A YAML mapping has the same key twice.',
  EDGE_YAML_SYNTAX: 'A text is not valid YAML.',
  EDGE_YAML_VALUE: 'Valid YAML says something that cannot become a value: an unknown tag, a mapping as a key.',
} as const satisfies Record<`EDGE_${string}`, string>;

/** A code listed in docs/errors.md. */
export type ErrorCode = keyof typeof ERROR_CODES;
