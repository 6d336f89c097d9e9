export { addressOf, type SshTarget, sshTarget } from '@edge-run/shared/roster';
