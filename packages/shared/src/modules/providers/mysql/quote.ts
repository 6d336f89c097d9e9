/** An account of a server: a user, and the host it comes from. */
export interface AccountName {
  readonly user: string;
  readonly host: string;
}

/**
 * A text as SQL. Right where backslashes are letters (`NO_BACKSLASH_ESCAPES`), which `ask` and `tell` see to, and the
 * connection speaks UTF-8.
 */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The name of a database, table or column as SQL. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** An account as SQL: `'app'@'localhost'`. */
export function quoteAccount({ user, host }: AccountName): string {
  return `${quoteText(user)}@${quoteText(host)}`;
}
