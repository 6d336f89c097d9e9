export { type AnsibleOptions, type AnsibleRoster, parseAnsible } from './ansible.ts';
export { addressOf, type RosterFiles, type RosterKind, type SshTarget, sshTarget } from './host.ts';
export { localRosterFiles } from './local-files.ts';
export { parseRoster, type RosterFileOptions } from './roster-file.ts';
export { parseSshConfig, type SshConfigOptions } from './ssh-config.ts';
export { writeRoster } from './write-roster.ts';
