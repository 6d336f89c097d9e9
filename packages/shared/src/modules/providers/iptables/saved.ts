import { splitWords } from '../../operations/index.ts';

/** A chain as `iptables-save` writes it. */
export interface SavedChain {
  /** `-`: a chain that somebody made. */
  readonly policy: string;
  readonly packets: string;
  readonly bytes: string;
  /** Each as `iptables-save` has it, without `-A` and the chain. */
  readonly rules: readonly string[];
}

/** table → chain → what is in it. */
export type SavedRules = ReadonlyMap<string, ReadonlyMap<string, SavedChain>>;

/** Reads what `iptables-save` prints. */
export function parseSaved(text: string): SavedRules {
  const tables = new Map<string, Map<string, SavedChain & { rules: string[] }>>();
  let table = new Map<string, SavedChain & { rules: string[] }>();
  for (const line of text.split('\n').map((one) => one.trim())) {
    const [, chain = '', policy = '', packets = '0', bytes = '0'] =
      /^:(\S+)\s+(\S+)(?:\s+\[(\d+):(\d+)\])?/.exec(line) ?? [];
    const [, at = '', rule = ''] = /^(?:\[\d+:\d+\]\s+)?-A\s+(\S+)\s*(.*)$/.exec(line) ?? [];
    if (line.startsWith('*')) {
      table = tables.get(line.slice(1)) ?? new Map();
      tables.set(line.slice(1), table);
    } else if (chain !== '') table.set(chain, { policy, packets, bytes, rules: [] });
    else if (at !== '') table.get(at)?.rules.push(rule);
  }
  return tables;
}

/** Whether two texts of `iptables-save` mean the same: counters, comments and what nobody has touched do not count. */
export function saveSame(one: string, other: string): boolean {
  return essence(one) === essence(other);
}

function essence(text: string): string {
  const tables = [...parseSaved(text)].map(([table, chains]) => {
    const lines = [...chains].flatMap(([chain, { policy, rules }]) => [
      ...(policy === 'ACCEPT' ? [] : [`:${chain} ${policy}`]),
      ...rules.map((rule) => `${chain} ${rule}`),
    ]);
    return lines.length === 0 ? '' : [`*${table}`, ...lines].join('\n');
  });
  return tables.filter(Boolean).sort().join('\n');
}

/** Short options in `iptables-save` → their names. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['-s', 'source'],
  ['-d', 'destination'],
  ['-p', 'protocol'],
  ['-i', 'in-interface'],
  ['-o', 'out-interface'],
  ['-m', 'match'],
  ['-j', 'jump'],
  ['-g', 'goto'],
  ['-f', 'fragment'],
]);

/** The options of a rule: name → values, a negated one with `! ` before it. */
export function ruleOptions(rule: string): Record<string, string[]> {
  const options: Record<string, string[]> = {};
  let negation = '';
  let name: string | undefined;
  let isFirst = true;
  // iptables-save writes a backslash before `'` too, which a shell would not take away.
  for (const word of splitWords(rule.replaceAll("\\'", "'"))) {
    if (word === '!') negation = '! ';
    else if (/^-{1,2}[A-Za-z]/.test(word)) {
      name = NAMES.get(word) ?? word.replace(/^-+/, '');
      options[name] ??= [];
      isFirst = true;
    } else if (name !== undefined) {
      const values = options[name]!;
      if (isFirst) values.push(negation + word);
      else values.push(`${values.pop()} ${word}`);
      [negation, isFirst] = ['', false];
    }
  }
  return options;
}
