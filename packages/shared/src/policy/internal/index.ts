/** What the tests of this folder look into; nobody else may. */
export { effectiveCommands } from '../effective-commands.ts';
export { parseShell } from '../parse-shell.ts';
export { pathMatches, resolvePath } from '../paths.ts';
export { ShellSyntaxError } from '../shell-script.ts';
