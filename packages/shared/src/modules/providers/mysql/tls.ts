import { type AccountName, quoteAccount, quoteText } from './quote.ts';
import type { Row } from './results.ts';

/** What connections of an account need of TLS; texts are empty where anything will do. */
export interface TlsRequirement {
  readonly type: 'none' | 'any' | 'x509' | 'specified';
  readonly cipher: string;
  readonly issuer: string;
  readonly subject: string;
}

const NONE: TlsRequirement = { type: 'none', cipher: '', issuer: '', subject: '' };

/** What Salt's `ssl_option` asks for, a list of `{SSL: true}`, `{X509: true}`, `{CIPHER: …}`, `{ISSUER: …}`, `{SUBJECT: …}`. */
export function tlsRequirement(options: readonly Readonly<Record<string, string | boolean>>[]): TlsRequirement {
  const given = new Map(
    options.flatMap((option) => Object.entries(option).map(([name, value]) => [name.trim().toUpperCase(), value])),
  );
  const text = (name: string): string => {
    const value = given.get(name);
    return typeof value === 'string' ? value : '';
  };
  const [cipher, issuer, subject] = [text('CIPHER'), text('ISSUER'), text('SUBJECT')];
  if (`${cipher}${issuer}${subject}` !== '') return { type: 'specified', cipher, issuer, subject };
  if (given.get('X509')) return { ...NONE, type: 'x509' };
  return given.get('SSL') ? { ...NONE, type: 'any' } : NONE;
}

/** What a server requires of an account, of its row in `mysql.user`. */
export function requirementOf(row: Row): TlsRequirement {
  const types: Readonly<Record<string, TlsRequirement['type']>> = { ANY: 'any', X509: 'x509', SPECIFIED: 'specified' };
  return {
    type: types[row.ssl_type ?? ''] ?? 'none',
    cipher: row.ssl_cipher ?? '',
    issuer: row.x509_issuer ?? '',
    subject: row.x509_subject ?? '',
  };
}

/** SQL that makes an account need it. */
export function tlsStatement(name: AccountName, { type, cipher, issuer, subject }: TlsRequirement): string {
  const texts = Object.entries({ CIPHER: cipher, ISSUER: issuer, SUBJECT: subject })
    .filter(([, text]) => text !== '')
    .map(([word, text]) => `${word} ${quoteText(text)}`);
  const words = { none: 'NONE', any: 'SSL', x509: 'X509', specified: texts.join(' AND ') };
  return `ALTER USER ${quoteAccount(name)} REQUIRE ${words[type]};`;
}
