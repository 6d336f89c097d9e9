import { join } from 'node:path';
import type { Diagnostic, SourceRange } from '../kernel/index.ts';
import { globMatches, isGlob } from '../target/index.ts';
import type { RosterFiles } from './host.ts';
import { problem } from './problems.ts';

/** One line of an ssh_config, or the lines of a file that one includes. */
export type ConfigLine =
  | {
      readonly kind: 'option';
      /** In small letters. */
      readonly name: string;
      readonly written: string;
      readonly words: readonly string[];
      readonly source: SourceRange;
    }
  | { readonly kind: 'include'; readonly lines: readonly ConfigLine[] };

/** As deep as ssh reads. */
const MOST_INCLUDES = 16;

/** How the files of a configuration are found. */
export interface ConfigReading {
  readonly home: string;
  readonly files: Pick<RosterFiles, 'read' | 'list'>;
}

/** Reads the lines of an ssh_config with those of the files it includes (ssh_config(5)). */
export function readConfigLines(
  text: string,
  file: string,
  reading: ConfigReading,
  diagnostics: Diagnostic[],
  depth = 0,
): readonly ConfigLine[] {
  return text.split('\n').flatMap((raw, index): readonly ConfigLine[] => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    const source = { file, line: index + 1, text: raw.replace(/\r$/, '') };
    const [, name = '', rest = ''] = /^([^\s=]+)(?:\s*=\s*|\s+|$)(.*)$/s.exec(line) ?? [];
    const words = splitConfigWords(rest);
    if (words === undefined) {
      diagnostics.push(problem('error', `a quote is not closed behind \`${name}\``, 'Close it.', source));
      return [];
    }
    if (words.length === 0) {
      diagnostics.push(problem('error', `\`${name}\` has no value`, 'Write `Name value`.', source));
      return [];
    }
    if (name.toLowerCase() !== 'include')
      return [{ kind: 'option', name: name.toLowerCase(), written: name, words, source }];
    if (depth >= MOST_INCLUDES) {
      diagnostics.push(problem('error', 'files include each other', `ssh reads ${MOST_INCLUDES} levels.`, source));
      return [];
    }
    return words.flatMap((pattern) => {
      const path = includedPath(pattern, file, reading.home);
      return findFiles(path, reading.files).map((found): ConfigLine => {
        const inner = readConfigLines(reading.files.read(found) ?? '', found, reading, diagnostics, depth + 1);
        return { kind: 'include', lines: inner };
      });
    });
  });
}

/** Words, of which quotes make one; undefined when one is not closed. `#` begins a comment. */
function splitConfigWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at]!)) at += 1;
    else if (text[at] === '#') break;
    else if (text[at] === '"') {
      const end = text.indexOf('"', at + 1);
      if (end < 0) return undefined;
      words.push(text.slice(at + 1, end));
      at = end + 1;
    } else {
      const [word = ''] = /^\S+/.exec(text.slice(at)) ?? [];
      words.push(word);
      at += word.length;
    }
  }
  return words;
}

/** Relative to `~/.ssh`, or to `/etc/ssh` for the files of the system. */
function includedPath(pattern: string, file: string, home: string): string {
  if (pattern.startsWith('~/')) return join(home, pattern.slice(2));
  if (pattern.startsWith('/')) return pattern;
  return join(file.startsWith('/etc/ssh/') ? '/etc/ssh' : join(home, '.ssh'), pattern);
}

/** The files a path with `*` and `?` means, sorted; none when there are none. */
function findFiles(pattern: string, files: Pick<RosterFiles, 'read' | 'list'>): readonly string[] {
  let folders = ['/'];
  const parts = pattern.split('/').filter((part) => part !== '');
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    folders = folders.flatMap((folder) => {
      if (!isGlob(part)) return [join(folder, part)];
      const names = (files.list(folder) ?? []).filter((name) => globMatches(part, name) && !name.startsWith('.'));
      return names.map((name) => join(folder, name));
    });
    if (isLast) return folders.filter((file) => files.read(file) !== undefined);
  }
  return [];
}
