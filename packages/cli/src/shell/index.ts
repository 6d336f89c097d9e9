/* What others may use of the command line: to run a line, and the rules it is read by. */
export { COMMAND_GROUPS, type CommandGroup, groupsFor } from '../command-groups.ts';
export { tagMatches } from '../commands/events.ts';
export { type BusContext, findContext, stateDir } from '../connection.ts';
export { type Dispatch, dispatch } from '../dispatch.ts';
export { parseDuration, readSince } from '../flags.ts';
export type { Io, Sink } from '../io.ts';
export { createProgram } from '../program.ts';
export { readSaltWords } from '../read-words.ts';
export { runCli } from '../run-cli.ts';
export type { Stack, StackOptions, StackReport } from '../stack/contract.ts';
export { readTarget } from '../target.ts';
export { plainWords } from '../words.ts';
