/** What the tests of this folder look into; nobody else may. */
export { fingerprint, judgeHostKey, knownHostsLine, knownKeyTypes, parseKnownHosts } from '../known-hosts.ts';
export { BoundedOutput, MarkedLines, UntilMarker } from '../output.ts';
export { channelLine, commandScript, frame, quote } from '../script.ts';
