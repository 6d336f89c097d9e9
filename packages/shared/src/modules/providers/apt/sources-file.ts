import { type AptSource, formatSourceLine, parseSourceLine } from './source.ts';
import { editStanza, formatStanza, readStanza } from './stanza.ts';

/** A piece of a file: a line, or a stanza; `sources` is empty for what is none. */
interface SourcesChunk {
  readonly text: string;
  readonly sources: readonly AptSource[];
}

/** A file of sources, as apt reads it. */
export interface SourcesFile {
  readonly path: string;
  /** Joining their texts gives the file back. */
  readonly chunks: readonly SourcesChunk[];
}

/** Where a source stands. */
export interface FoundSource {
  readonly path: string;
  readonly source: AptSource;
  readonly chunk: number;
}

/** Reads a file of sources; the ending `.sources` says that it has stanzas. */
export function parseSourcesFile(path: string, text: string): SourcesFile {
  if (!isDeb822(path)) {
    const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
    const chunks = lines.map((line) => {
      const source = parseSourceLine(line);
      return { text: line, sources: source === undefined ? [] : [source] };
    });
    return { path, chunks };
  }
  // Stanzas and the empty lines between them, by turns.
  const pieces = text.match(/(?:[^\S\n]*\n)+|(?:[^\S\n]*\S[^\n]*(?:\n|$))+|[^\S\n]+$/g) ?? [];
  return { path, chunks: pieces.map((piece) => ({ text: piece, sources: readStanza(piece) })) };
}

/** The text of a file of sources. */
export function formatSourcesFile({ chunks }: SourcesFile): string {
  return chunks.map(({ text }) => text).join('');
}

/** Every source of a file, in order. */
export function sourcesOf({ path, chunks }: SourcesFile): readonly FoundSource[] {
  return chunks.flatMap(({ sources }, chunk) => sources.map((source) => ({ path, source, chunk })));
}

/** The file with another source in the place of one, or without it; all else keeps its letters. */
export function replaceSource(
  file: SourcesFile,
  { chunk, source }: FoundSource,
  becomes: AptSource | undefined,
): SourcesFile {
  const text = file.chunks
    .map((piece, index) => {
      if (index !== chunk) return piece.text;
      if (isDeb822(file.path)) return editStanza(piece.text, source, becomes);
      return becomes === undefined ? '' : `${formatSourceLine(becomes)}\n`;
    })
    .join('');
  return parseSourcesFile(file.path, text);
}

/** The file with a source behind all others. */
export function addSource(file: SourcesFile, source: AptSource): SourcesFile {
  const text = formatSourcesFile(file);
  const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  if (!isDeb822(file.path)) return parseSourcesFile(file.path, `${ended}${formatSourceLine(source)}\n`);
  const apart = ended === '' || ended.endsWith('\n\n') ? ended : `${ended}\n`;
  return parseSourcesFile(file.path, apart + formatStanza(source));
}

/** Whether a file has stanzas instead of lines. */
export function isDeb822(path: string): boolean {
  return path.endsWith('.sources');
}
