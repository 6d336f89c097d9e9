/** The words in quotes of a message of Salt that also stand in the case's own files or call: ids, files, functions. */
export function namesIn(message: string, sources: readonly string[]): readonly string[] {
  const quoted = [...message.matchAll(/'([^'\n]+)'|"([^"\n]+)"/g)].map((match) => match[1] ?? match[2]!);
  const isOwn = (word: string): boolean => /^[\w./@-]+$/.test(word) && sources.some((source) => source.includes(word));
  return [...new Set(quoted.filter(isOwn))];
}

/** The names of Salt's messages that ours leave out. */
export function missingNames(theirs: readonly string[], ours: string, sources: readonly string[]): readonly string[] {
  return theirs.flatMap((message) => namesIn(message, sources)).filter((name) => !ours.includes(name));
}
