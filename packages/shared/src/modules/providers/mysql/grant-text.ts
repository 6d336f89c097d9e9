/** A right, or a right on a column of a table. */
export interface Right {
  /** In capitals: `SELECT`, `LOCK TABLES`, `ALL PRIVILEGES`. */
  readonly name: string;
  readonly column?: string;
}

/** What rights are on: names as a server keeps them, `*` for all. */
export interface Level {
  readonly database: string;
  readonly table: string;
}

/** A line of `SHOW GRANTS`. */
export interface Grant {
  readonly level: Level;
  readonly rights: readonly Right[];
  /** Whether they may be passed on. */
  readonly isGrantable: boolean;
}

interface Token {
  readonly text: string;
  readonly isQuoted: boolean;
}

const TOKEN = /`((?:[^`]|``)*)`|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([A-Za-z0-9_$%\u0080-\uffff]+)|([^\s])/g;

function tokensOf(text: string): Token[] {
  return [...text.matchAll(TOKEN)].map(([, ticked, double, single, word, sign]) => {
    if (ticked !== undefined) return { text: ticked.replaceAll('``', '`'), isQuoted: true };
    if (double !== undefined) return { text: double.replaceAll('""', '"'), isQuoted: true };
    if (single !== undefined) return { text: single.replaceAll("''", "'"), isQuoted: true };
    return { text: word ?? sign!, isQuoted: false };
  });
}

/** Reads rights with commas between: `SELECT (a, b), LOCK TABLES`; undefined for what are none. */
export function parseRights(text: string): Right[] | undefined {
  return rightsOf(tokensOf(text));
}

/** Reads a line of `SHOW GRANTS`; undefined for one that is not about databases and tables: of roles, routines, proxies. */
export function parseGrant(line: string): Grant | undefined {
  const [first, ...tokens] = tokensOf(line);
  const on = tokens.findIndex((token) => isWord(token, 'ON'));
  if (first === undefined || !isWord(first, 'GRANT') || on < 0) return undefined;
  const rights = rightsOf(tokens.slice(0, on));
  const rest = tokens.slice(on + 1);
  const [database, dot, table, to] = rest[0] !== undefined && isWord(rest[0], 'TABLE') ? rest.slice(1) : rest;
  if (rights === undefined || dot?.text !== '.' || to === undefined || !isWord(to, 'TO')) return undefined;
  return {
    level: { database: database!.text, table: table!.text },
    rights,
    isGrantable: rest.some((token, index) => isWord(token, 'OPTION') && isWord(rest[index - 1]!, 'GRANT')),
  };
}

function isWord({ text, isQuoted }: Token, word: string): boolean {
  return !isQuoted && text.toUpperCase() === word;
}

function rightsOf(tokens: readonly Token[]): Right[] | undefined {
  const rights: Right[] = [];
  let words: string[] = [];
  let columns: string[] | undefined;
  let isInColumns = false;
  const end = (): void => {
    const name = words.join(' ').toUpperCase();
    if (columns === undefined) rights.push({ name });
    else rights.push(...columns.map((column) => ({ name, column })));
    words = [];
    columns = undefined;
  };
  for (const { text, isQuoted } of tokens) {
    if (isInColumns) {
      if (isQuoted || /^[\w$\u0080-\uffff]+$/.test(text)) columns!.push(text);
      else if (text === ')') isInColumns = false;
      else if (text !== ',') return undefined;
    } else if (isQuoted) return undefined;
    else if (text === '(' && columns === undefined && words.length > 0) {
      columns = [];
      isInColumns = true;
    } else if (text === ',') end();
    else if (/^\w+$/.test(text) && columns === undefined) words.push(text);
    else return undefined;
  }
  if (isInColumns) return undefined;
  end();
  return rights.every(({ name }) => /^[A-Z][A-Z_ ]*$/.test(name)) ? rights : undefined;
}
