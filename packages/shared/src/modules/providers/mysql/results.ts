/** A row: column → text, or null for NULL. */
export type Row = Readonly<Record<string, string | null>>;

/** What one statement answered. A result without rows has no columns either: the client does not tell them. */
export interface ResultSet {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

const RESULT = /<resultset\b[^>]*>([\s\S]*?)<\/resultset>/g;
const ROW = /<row>([\s\S]*?)<\/row>/g;
const FIELD = /<field name="([^"]*)"(?: xsi:nil="true" \/>|>([^<]*)<\/field>)/g;
const LETTERS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

/** Reads what the client prints with `--xml`, the one form in which NULL and a text NULL differ. */
export function parseResults(xml: string): ResultSet[] {
  return [...xml.matchAll(RESULT)].map(([, body = '']) => {
    const rows = [...body.matchAll(ROW)].map(([, row = '']) =>
      [...row.matchAll(FIELD)].map(([, name = '', value]) => [plain(name), value === undefined ? null : plain(value)]),
    );
    return {
      columns: rows[0]?.map(([name]) => name as string) ?? [],
      rows: rows.map((row): Row => Object.fromEntries(row)),
    };
  });
}

function plain(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot);/g, (_, name: string) => LETTERS[name]!);
}
