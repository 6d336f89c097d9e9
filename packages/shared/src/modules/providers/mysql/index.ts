export {
  type Account,
  type AccountLook,
  compareLogin,
  findAccount,
  type Login,
  loginStatement,
  nativeHash,
} from './account.ts';
export { ask, CLIENT_PROGRAMS, clientCommand, type MysqlServer, type QueryEnd, runQuery, tell } from './client.ts';
export { databaseStatement, findDatabase, isSameCharset } from './database.ts';
export { type Level, parseGrant, parseRights, type Right } from './grant-text.ts';
export {
  grantStatement,
  type HeldGrant,
  heldAt,
  isHeld,
  isSameGrant,
  levelOf,
  readGrants,
  revokeStatement,
  rightsOnAllColumns,
  rightsText,
  unwantedRights,
  type WantedGrant,
  wantedRights,
} from './grants.ts';
export { type AccountName, quoteAccount, quoteName, quoteText } from './quote.ts';
export { parseResults, type ResultSet, type Row } from './results.ts';
export { requirementOf, type TlsRequirement, tlsRequirement, tlsStatement } from './tls.ts';
