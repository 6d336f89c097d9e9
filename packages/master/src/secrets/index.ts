export { openDigestKey } from './digest-key.ts';
