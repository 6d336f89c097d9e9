/** A group of alternatives: one link and what it may lead to. */
export interface LinkGroup {
  /** Whether priority decides, or a person has. */
  readonly mode: 'auto' | 'manual';
  /** Path of the link; undefined where the program does not show it (Red Hat). */
  readonly link: string | undefined;
  /** Where it leads now; undefined when nowhere. */
  readonly current: string | undefined;
  /** Path → priority. */
  readonly choices: ReadonlyMap<string, number>;
}

/** Reads `update-alternatives --display` of Debian and of Red Hat; undefined when it shows no group. */
export function parseDisplay(text: string): LinkGroup | undefined {
  const [head = '', ...lines] = text.split('\n').map((line) => line.trimEnd());
  const mode = / - (?:status is )?(auto|manual)(?: mode|\.)?$/.exec(head);
  if (mode === null) return undefined;
  const name = head.slice(0, mode.index);
  const wordsAfter = (words: string): string | undefined => {
    const line = lines.find((candidate) => candidate.trimStart().startsWith(words));
    return line?.trimStart().slice(words.length) || undefined;
  };
  const choices = lines.flatMap((line): [string, number][] => {
    const found = /^(\/.*) - (?:family \S+ )?priority (-?\d+)$/.exec(line);
    return found === null ? [] : [[found[1]!, Number(found[2])]];
  });
  return {
    mode: mode[1] as LinkGroup['mode'],
    link: wordsAfter(`link ${name} is `),
    current: wordsAfter('link currently points to '),
    choices: new Map(choices),
  };
}

/** Where the link leads once a choice is gone; undefined when there is no other. */
export function fallbackOf({ current, choices }: LinkGroup, removed: string): string | undefined {
  if (current !== undefined && current !== removed) return current;
  const others = [...choices].filter(([path]) => path !== removed);
  return others.sort(([, a], [, b]) => b - a)[0]?.[0];
}
