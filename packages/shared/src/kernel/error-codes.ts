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
  EDGE_FILES_OUTSIDE_ROOT: 'A path leads out of its file root.',
  EDGE_FILE_NOT_FOUND: 'A file that was asked for does not exist on the host.',
  EDGE_GIT_FAILED: 'The git program failed on a repository.',
  EDGE_HOST_UNREACHABLE: 'The host could not be reached.',
  EDGE_INTERNAL: 'A fault in Edge itself: please report it.',
  EDGE_JOURNAL_CONFLICT: 'Another master appended to the run first; it owns the run now.',
  EDGE_JSON_SYNTAX: 'A text is not valid JSON.',
  EDGE_MISSING_ARGUMENT: 'A required argument was not given.',
  EDGE_NOT_ALLOWED: 'The caller is not allowed to do this.',
  EDGE_NUMBER_FOR_TEXT: 'A number stands where text is declared; YAML may have changed it.',
  EDGE_PATTERN_INVALID: 'A regular expression cannot be read.',
  EDGE_PATTERN_TOO_SLOW: 'A regular expression took too long on a text.',
  EDGE_PERMISSION_DENIED: 'The operating system refused access to a file or operation on the host.',
  EDGE_PILLAR_INVALID: 'A pillar file, its includes or an external pillar source is wrong.',
  EDGE_PILLAR_KEY_NOT_FOUND: 'A pillar key that must exist does not.',
  EDGE_SCHEDULE_INVALID: 'A schedule is not valid.',
  EDGE_SLS_NOT_FOUND: 'No file stands for an SLS name in the environment.',
  EDGE_TARGET_NODEGROUP: 'A nodegroup of a target is unknown, contains itself or cannot be read.',
  EDGE_TARGET_RANGE: 'A range target cannot be expanded.',
  EDGE_TARGET_SYNTAX: 'A target expression cannot be read.',
  EDGE_TOP_INVALID: 'A top file has an entry that cannot be read.',
  EDGE_UNKNOWN_ARGUMENT: 'An argument is not in the declaration of the function.',
  EDGE_UNKNOWN_FUNCTION: 'No function of that name exists.',
  EDGE_UNKNOWN_RENDERER: 'The first line of a file names a renderer Edge does not have.',
  EDGE_YAML_DUPLICATE_KEY: 'A YAML mapping has the same key twice.',
  EDGE_YAML_SYNTAX: 'A text is not valid YAML.',
  EDGE_YAML_VALUE: 'Valid YAML says something that cannot become a value: an unknown tag, a mapping as a key.',
} as const satisfies Record<`EDGE_${string}`, string>;

/** A code listed in docs/errors.md. */
export type ErrorCode = keyof typeof ERROR_CODES;
