/** What the tests of this folder look into; nobody else may. */

export { shellLine } from '../become.ts';
export { becomeRefused } from '../errors.ts';
export { fingerprint, judgeHostKey, knownHostsLine, knownKeyTypes, parseKnownHosts } from '../known-hosts.ts';
export { BoundedOutput, MarkedLines, UntilMarker } from '../output.ts';
export { commandFrame, commandScript, killScript, lookFrame, printed, quote } from '../script.ts';
