export { type Admission, admission, Identity, openIdentity } from './identity.ts';
