/**
 * Every error code with the sentence docs/errors.md is generated from. A code, once released, never changes meaning.
 * Kept sorted.
 */
export const ERROR_CODES = {
  EDGE_BAD_ARGUMENT: 'An argument has a value its declaration does not allow.',
  EDGE_BUS_TIMEOUT: 'Nobody answered a request on the bus in time.',
  EDGE_BUS_UNREACHABLE: 'The NATS server could not be reached or refused the connection.',
  EDGE_CANCELLED: 'The work was cancelled before it ended.',
  EDGE_COMMAND_FAILED: 'A command on a host ended with a non-zero exit code.',
  EDGE_CONFIG_INVALID: 'A configuration file or value is not valid.',
  EDGE_DEADLINE: 'The work did not end before its deadline.',
  EDGE_FILE_NOT_FOUND: 'A file that was asked for does not exist on the host.',
  EDGE_HOST_UNREACHABLE: 'The host could not be reached.',
  EDGE_INTERNAL: 'A fault in Edge itself: please report it.',
  EDGE_JOURNAL_CONFLICT: 'Another master appended to the run first; it owns the run now.',
  EDGE_MISSING_ARGUMENT: 'A required argument was not given.',
  EDGE_NOT_ALLOWED: 'The caller is not allowed to do this.',
  EDGE_PERMISSION_DENIED: 'The operating system refused access to a file or operation on the host.',
  EDGE_RENDER_LIMIT: 'A template exceeded a bound of its render: time, loop passes, depth or size.',
  EDGE_TEMPLATE_FORBIDDEN: 'A template reached for something the sandbox does not give it.',
  EDGE_TEMPLATE_NOT_FOUND: 'A template that is included, imported or extended does not exist.',
  EDGE_TEMPLATE_RUNTIME: 'A template failed while it was rendered.',
  EDGE_TEMPLATE_SYNTAX: 'The text of a template is not valid Jinja.',
  EDGE_TEMPLATE_UNKNOWN_FILTER: 'A template names a filter or test that does not exist.',
  EDGE_UNDEFINED_VARIABLE: 'A template uses a name that has no value.',
  EDGE_UNKNOWN_ARGUMENT: 'An argument is not in the declaration of the function.',
  EDGE_UNKNOWN_FUNCTION: 'No function of that name exists.',
} as const satisfies Record<`EDGE_${string}`, string>;

/** A code listed in docs/errors.md. */
export type ErrorCode = keyof typeof ERROR_CODES;
