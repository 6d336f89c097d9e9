import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path/posix';
import type { FileHandle } from '../../files/index.ts';
import type { FoundPath } from '../../host/index.ts';
import { EdgeError, newId, Secret } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { Change, ModuleContext } from '../contract/index.ts';
import {
  download,
  findDigest,
  makeDirectories,
  mustRun,
  type Ownership,
  ownershipDrift,
  readFound,
  readIfPresent,
  verifyDigest,
  writeText,
} from '../operations/index.ts';
import { formatMode, isBinary, unifiedDiff } from '../text/index.ts';

/** Content found for a file. */
export interface FoundContent {
  readonly bytes: Uint8Array;
  /** Permissions of the source, where it has some. */
  readonly mode?: number;
  /** It came from a secret: no diff may show it. */
  readonly sealed?: boolean;
}

/** Where the content of a file is to come from, as trees say it. */
export interface SourceRequest {
  /** Candidates in order; the first that exists wins. */
  readonly sources: readonly string[];
  /** A digest, or where a file of digests is. */
  readonly sourceHash: string | undefined;
  /** Name of the source in a file of digests. */
  readonly sourceHashName?: string | undefined;
  /** Path the content is for: its name is looked for in a file of digests too. */
  readonly target?: string | undefined;
  readonly skipVerify: boolean;
  readonly template: string | undefined;
  readonly variables: ReadonlyMap<string, Value>;
  /** The file of the file server that the source is, where it has been opened. */
  readonly opened?: FileHandle | undefined;
}

/** Fetches and renders the first source that exists. @throws EdgeError `EDGE_FILE_NOT_FOUND`, `EDGE_BAD_ARGUMENT` */
export async function fetchSource(ctx: ModuleContext, request: SourceRequest): Promise<FoundContent> {
  for (const source of request.sources) {
    const found = await openSource(ctx, source, request);
    if (found === undefined) continue;
    if (request.sourceHash !== undefined)
      verifyDigest(source, found.bytes, await digestOf(ctx, source, { ...request, sourceHash: request.sourceHash }));
    if (request.template === undefined) return found;
    const text = Buffer.from(found.bytes).toString('utf8');
    const path = source.replace(/^(salt|edge):\/\//, '').replace(/\?.*$/, '');
    const rendered = await ctx.renderTemplate({ text, path, engine: request.template, variables: request.variables });
    return { ...found, bytes: new Uint8Array(Buffer.from(rendered)) };
  }
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `no source is there: ${request.sources.join(', ')}`,
    { sources: [...request.sources], saltenv: ctx.saltenv },
    {
      hint: `Paths of salt:// are below the file roots of ${ctx.saltenv}.`,
    },
  );
}

/** The digest of a source, read out of a file of digests where the tree names one. @throws EdgeError `EDGE_FILE_NOT_FOUND` */
export async function digestOf(
  ctx: ModuleContext,
  source: string,
  {
    sourceHash,
    sourceHashName,
    target,
  }: Pick<SourceRequest, 'sourceHashName' | 'target'> & { readonly sourceHash: string },
): Promise<string> {
  if (!/^(?:\w+:\/\/|\/)/.test(sourceHash)) return sourceHash;
  const listed = await openSource(ctx, sourceHash, { sourceHash: undefined, skipVerify: true });
  const names = [sourceHashName, target, source].filter((name) => name !== undefined).map((name) => basename(name));
  const digest = listed === undefined ? undefined : findDigest(Buffer.from(listed.bytes).toString('utf8'), names);
  if (digest !== undefined) return digest;
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `no digest of ${source} in ${sourceHash}`,
    { source, source_hash: sourceHash },
    { hint: 'source_hash_name says what the source is called there.' },
  );
}

async function openSource(
  ctx: ModuleContext,
  source: string,
  request: Pick<SourceRequest, 'sourceHash' | 'skipVerify' | 'opened'>,
): Promise<FoundContent | undefined> {
  if (/^https?:\/\//.test(source)) {
    if (request.sourceHash === undefined && !request.skipVerify)
      throw new EdgeError(
        'EDGE_MISSING_ARGUMENT',
        `${source} needs source_hash`,
        { source },
        {
          hint: 'Give the digest (source_hash: sha256=…), or say skip_verify: True.',
        },
      );
    const bytes = await download(source, ctx.signal);
    return bytes === undefined ? undefined : { bytes };
  }
  const local = source.startsWith('file://') ? source.slice('file://'.length) : source;
  if (local.startsWith('/')) {
    const bytes = await readIfPresent(ctx.host, local);
    if (bytes === undefined) return undefined;
    const mode = (await ctx.host.stat(local))?.mode;
    return mode === undefined ? { bytes } : { bytes, mode };
  }
  const file = request.opened ?? (await ctx.files.open(source, ctx.saltenv));
  return file === undefined ? undefined : { bytes: await file.read(), mode: file.mode };
}

/** `contents` as text: a list is its lines; the last line gets its end unless told otherwise. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function contentsText(contents: Value, newline: boolean): { text: string; sealed: boolean } {
  const parts = Array.isArray(contents) ? contents : [contents];
  let sealed = false;
  const texts = parts.map((part) => {
    if (part instanceof Secret) {
      sealed = true;
      return part.reveal();
    }
    if (part instanceof PyMap || Array.isArray(part) || part instanceof Uint8Array)
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        'contents is neither text nor a list of texts',
        {},
        {
          hint: 'Use file.serialize to write data.',
        },
      );
    if (part === null) return '';
    return typeof part === 'boolean' ? (part ? 'True' : 'False') : String(part);
  });
  const text = texts
    .flatMap((part) => part.match(/[^\n]*\n|[^\n]+$/g) ?? (Array.isArray(contents) ? ['\n'] : []))
    .map((line) => `${line.replace(/[\r\n]+$/, '')}\n`)
    .join('');
  return { text: newline ? text : text.replace(/[\r\n]+$/, ''), sealed };
}

/** A command that judges new content before it takes the old one's place. */
export interface ContentCheck {
  readonly cmd: string;
  /** Directory and ending of the file it gets. */
  readonly dir: string | undefined;
  readonly ending: string;
}

/** One file as it should be. */
export interface FileGoal {
  /** Path as the author wrote it; shown. */
  readonly name: string;
  /** What is there; its path is written. */
  readonly found: FoundPath;
  readonly content: FoundContent;
  readonly ownership: Ownership;
  readonly makedirs: boolean;
  readonly dirMode?: number | undefined;
  readonly backup?: string | boolean | undefined;
  readonly showChanges: boolean;
  readonly check?: ContentCheck | undefined;
}

/** The whole file is sealed then: what it held before may be the secret of yesterday, which nobody here knows. */
function holdsSecret(ctx: ModuleContext, bytes: Uint8Array): boolean {
  return ctx.holdsSecret?.(Buffer.from(bytes).toString('utf8')) ?? false;
}

/** What has to be done for a file to have its content; true when nothing. */
export async function contentChange(ctx: ModuleContext, goal: FileGoal): Promise<Change | true> {
  const { name, content, ownership } = goal;
  const { path, stat: found } = goal.found;
  const before = found === undefined || found.kind === 'symlink' ? undefined : await readFound(ctx.host, goal.found);
  if (before !== undefined && Buffer.compare(before, content.bytes) === 0) return true;
  const sealed = content.sealed === true || holdsSecret(ctx, content.bytes);
  const diff = sealed || !goal.showChanges ? undefined : contentDiff(before, content.bytes);
  const shown = sealed
    ? '[secret]'
    : !goal.showChanges
      ? '<show_changes=False>'
      : before === undefined
        ? 'New file'
        : diff;
  const drift =
    found === undefined
      ? ownership.mode === undefined
        ? {}
        : { mode: formatMode(ownership.mode) }
      : ownershipDrift(found, ownership);
  return {
    what: before === undefined ? `file ${name}: created` : `file ${name}: content`,
    before: before === undefined ? null : describe(before),
    after: describe(content.bytes),
    changes: { diff: shown, ...drift },
    ...(diff === undefined ? {} : { diff }),
    ...(sealed ? { sealed } : {}),
    async apply({ host }) {
      if (goal.makedirs) await makeDirectories(host, dirname(path), { ...ownership, mode: goal.dirMode });
      if (goal.check !== undefined) {
        ctx.requireAllowed?.({ cmd: goal.check.cmd });
        await checkContent(host, goal, goal.check);
      }
      if (before !== undefined) await keepBackup(ctx, host, goal, before);
      const owner = ownership.user ?? (found === undefined ? undefined : String(found.uid));
      const group = ownership.group ?? (found === undefined ? undefined : String(found.gid));
      const kept = found === undefined || found.kind === 'symlink' ? 0o644 : found.mode;
      await host.writeFile(path, content.bytes, {
        mode: ownership.mode ?? kept,
        ...(owner === undefined ? {} : { owner }),
        ...(group === undefined ? {} : { group }),
      });
      return undefined;
    },
  };
}

/** What has to be done for a path to have its owner and permissions; true when nothing. */
export function ownershipChange(
  name: string,
  found: Parameters<typeof ownershipDrift>[0],
  wanted: Ownership,
  apply: Change['apply'],
  changes?: object,
): Change | true {
  const drift = ownershipDrift(found, wanted);
  if (Object.keys(drift).length === 0) return true;
  const now = { mode: formatMode(found.mode), user: found.user, group: found.group };
  return {
    what: `${name}: ${Object.entries(drift)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}`,
    before: Object.fromEntries(Object.keys(drift).map((key) => [key, now[key as keyof typeof now]])),
    after: drift,
    changes: changes ?? drift,
    apply,
  };
}

function contentDiff(before: Uint8Array | undefined, after: Uint8Array): string {
  if (isBinary(after) || (before !== undefined && isBinary(before)))
    return before === undefined ? 'New binary file' : 'Replace binary file with text or other content';
  return unifiedDiff(Buffer.from(before ?? []).toString('utf8'), Buffer.from(after).toString('utf8'));
}

function describe(content: Uint8Array): string {
  return `${content.length} bytes, sha256 ${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
}

type Writer = Parameters<Change['apply']>[0]['host'];

/** Lets the author's command judge the new content before it takes the old one's place. */
async function checkContent(
  host: Writer,
  { found: { path }, content, ownership }: FileGoal,
  { cmd, dir = dirname(path), ending }: ContentCheck,
): Promise<void> {
  const temporary = `${dir}/${basename(path)}.${newId()}.tmp${ending}`;
  await host.writeFile(temporary, content.bytes, { mode: ownership.mode ?? 0o600 });
  try {
    await mustRun(
      host,
      ['sh', '-c', `${cmd} "$1"`, 'sh', temporary],
      {},
      'check_cmd refused the new content; the file was left as it is.',
    );
  } finally {
    await host.remove(temporary);
  }
}

async function keepBackup(
  ctx: ModuleContext,
  host: Writer,
  { found: { path }, backup }: FileGoal,
  before: Uint8Array,
): Promise<void> {
  if (backup === undefined || backup === false || backup === '') return;
  if (typeof backup === 'string' && backup.startsWith('.')) {
    await writeText(host, `${path}${backup}`, Buffer.from(before).toString('utf8'));
    return;
  }
  const cachedir = ctx.opts.get('cachedir');
  const base = typeof cachedir === 'string' ? cachedir : '/var/cache/edge';
  const kept = `${base}/file_backup${path}_${newId()}`;
  await makeDirectories(host, dirname(kept), { mode: 0o700 });
  await host.writeFile(kept, before, { mode: 0o600 });
}
