import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';
import { contentDigest, type FileEntry, type FileHandle, type FileSource } from '../files/index.ts';
import type { Host } from '../host/index.ts';
import { EdgeError, type JsonValue } from '../kernel/index.ts';
import { CodedAnswer, defineWrite, type ExecutionModule, type ModuleContext } from '../modules/contract/index.ts';
import { anyValue } from '../schema/index.ts';
import { type Chunk, encodePlan, type Plan } from '../state/index.ts';
import { decodeValue, type EncodeOptions, encodeValue, PyMap, Redactor, type Value } from '../values/index.ts';
import type { HostRuntime } from './runtime.ts';
import { common, modsArg } from './state-arguments.ts';
import { type Prepared, StateWork } from './state-work.ts';

const nonceArg = z
  .string()
  .min(16)
  .describe('Random text of this plan; digests of one plan say nothing about those of another.');

/** What `state.apply` takes, but for `test`: planning is one. */
const { test: _test, ...planned } = common;
const planArgs = z.object({ mods: modsArg, ...planned, nonce: nonceArg });

/** `state.plan` and `state.apply_plan`: look, remember what was looked at, and apply that or nothing. */
export function planFunctions(runtime: HostRuntime): readonly ExecutionModule[] {
  return [
    defineWrite({
      name: 'state.plan',
      summary: 'Answers what applying states would change, with digests of everything that follows from.',
      returns: '`{plan, record, digest, states}`; a list of error texts when the states do not compile.',
      args: planArgs,
      examples: [{ title: 'one SLS', args: { mods: 'nginx', nonce: '5d41402abc4b2a76b9719d91' } }],
      run: async (request, ctx) => {
        const look = await lookAt(runtime, request, ctx);
        return look.kind === 'answer' ? look.answer : look.shown();
      },
    }),
    defineWrite({
      name: 'state.apply_plan',
      summary: 'Applies states if looking at them again gives the digest of the plan, and nothing otherwise.',
      returns: 'Key of each state → its return.',
      args: planArgs.extend({ expected: anyValue().describe('Host → the digest `state.plan` answered there.') }),
      examples: [
        {
          title: 'one SLS',
          args: { mods: 'nginx', nonce: '5d41402abc4b2a76b9719d91', expected: { web1: 'sha256:4be1' } },
        },
      ],
      run: async ({ expected, ...request }, ctx) => {
        const wanted = expected instanceof PyMap ? expected.get(ctx.host.id) : undefined;
        const look = await lookAt(runtime, request, ctx);
        if (look.kind === 'answer' || look.digest !== wanted) throw stale(ctx.host.id);
        return look.apply();
      },
    }),
  ];
}

/** What was found by looking, and the two things that can be done with it. */
interface Look {
  readonly kind: 'look';
  readonly digest: string;
  shown(): CodedAnswer;
  apply(): Promise<CodedAnswer>;
}

async function lookAt(
  runtime: HostRuntime,
  { mods, nonce, ...request }: z.output<typeof planArgs>,
  ctx: ModuleContext<Host>,
): Promise<Look | Extract<Prepared, { kind: 'answer' }>> {
  const files = new RecordingFiles(ctx.files);
  const work = new StateWork(runtime);
  const prepared = await work.prepare(mods, request, { ...ctx, files });
  if (prepared.kind === 'answer') return prepared;
  const { plan, workplace } = prepared;
  const { answer, retcode } = await work.run(plan, workplace.ctx, { ...request, test: true });
  const returns = answer as PyMap;
  const digests = new Digests(nonce, runtime.options.redactor ?? new Redactor());
  const record = {
    facts: await digests.ofMap(lastingFacts(workplace.ctx.facts)),
    pillar: await digests.ofMap(workplace.ctx.pillar.data),
    files: files.digests(),
    steps: await digests.ofSteps(plan),
    effects: await digests.ofEffects(returns),
  };
  const digest = contentDigest(JSON.stringify(record));
  return {
    kind: 'look',
    digest,
    shown: () =>
      new CodedAnswer(
        new PyMap([
          ['plan', decodeValue(shownPlan(plan))],
          ['record', decodeValue(record as unknown as JsonValue)],
          ['digest', digest],
          ['states', returns],
        ]),
        retcode,
      ),
    apply: () => {
      files.pin();
      return work.run(plan, workplace.ctx, { ...request, test: false });
    },
  };
}

/** Facts without the number of the process that gathered them: it is another after every log-in or restart. */
function lastingFacts(facts: PyMap): PyMap {
  return new PyMap([...facts].filter(([name]) => name !== 'pid'));
}

/** The plan for reading: Salt's low chunks say nothing that the rest of a chunk does not. */
function shownPlan(plan: Plan): JsonValue {
  return { chunks: encodedChunks(plan, ({ low: _low, ...chunk }) => chunk) };
}

function encodedChunks(
  plan: Plan,
  part: (chunk: Chunk) => Partial<Chunk>,
  options: EncodeOptions = {},
): readonly JsonValue[] {
  const { chunks } = encodePlan(plan, options) as unknown as { readonly chunks: readonly Chunk[] };
  return chunks.map((chunk) => part(chunk) as unknown as JsonValue);
}

/** Digests of one plan. */
class Digests {
  readonly #nonce: string;
  /** Knows the secrets that templates wrote into plain texts. */
  readonly #redactor: Redactor;

  constructor(nonce: string, redactor: Redactor) {
    this.#nonce = nonce;
    this.#redactor = redactor;
  }

  /** Key → digest, in order of the keys' text. */
  async ofMap(map: PyMap): Promise<Readonly<Record<string, string>>> {
    const digests: [string, string][] = [];
    for (const [key, value] of map) digests.push([String(key), await this.#ofValue(value)]);
    return sorted(digests);
  }

  /**
   * The states in order of their run; secrets count, and are not told. Where a state stands in its file does not count:
   * a line more above would otherwise move all that follow.
   */
  async ofSteps(plan: Plan): Promise<readonly (readonly [string, string])[]> {
    const encoded = (options: EncodeOptions): readonly JsonValue[] =>
      encodedChunks(plan, ({ low: _low, place: _place, order: _order, ...chunk }) => chunk, options);
    const [chunks, sealed] = [encoded({ secrets: 'revealed' }), encoded({ secrets: 'sealed' })];
    const digests: (readonly [string, string])[] = [];
    for (const [index, chunk] of plan.chunks.entries()) {
      digests.push([chunk.key, await this.#sealed(chunks[index]!, sealed[index]!)]);
    }
    return digests;
  }

  /** What each state would do: comments and times may differ, changes may not. */
  async ofEffects(returns: PyMap): Promise<Readonly<Record<string, string>>> {
    const digests: [string, string][] = [];
    for (const [key, value] of returns) {
      const state = value as PyMap;
      const effect = [state.get('result') ?? null, state.get('changes') ?? null];
      digests.push([String(key), await this.#ofValue(effect)]);
    }
    return sorted(digests);
  }

  #ofValue(value: Value): Promise<string> {
    return this.#sealed(encodeValue(value, { secrets: 'revealed' }), encodeValue(value));
  }

  /**
   * A digest of data that may hold secrets. Where it does, the function is a slow one: a plan is kept in a file, and a
   * short password must not be found by trying.
   */
  async #sealed(revealed: JsonValue, sealed: JsonValue): Promise<string> {
    const text = JSON.stringify(revealed);
    const shown = JSON.stringify(sealed);
    if (text === shown && !this.#redactor.holdsSecret(text)) return contentDigest(`${this.#nonce}\n${text}`);
    const key = (await promisify(scrypt)(text, this.#nonce, 32)) as Buffer;
    return `scrypt:${key.toString('hex')}`;
  }
}

function sorted(entries: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Serves files and remembers which were asked for, and what they held; once pinned, it serves nothing else. */
class RecordingFiles implements FileSource {
  readonly #source: FileSource;
  /** `env:uri` → digest, or `missing`. */
  readonly #seen = new Map<string, string>();
  #isPinned = false;

  constructor(source: FileSource) {
    this.#source = source;
  }

  digests(): Readonly<Record<string, string>> {
    return sorted([...this.#seen]);
  }

  /** From now on a file that is not as it was looked at is an error. */
  pin(): void {
    this.#isPinned = true;
  }

  /** @throws EdgeError `EDGE_PLAN_STALE` once pinned */
  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const file = await this.#source.open(uri, env);
    this.#see(`${env}:${uri.replace(/^(salt|edge):\/\//, '')}`, file?.digest ?? 'missing');
    return file;
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    for await (const entry of this.#source.list(prefix, env)) {
      // The whole tree is listed only to find SLS names by pattern; what is read of it is opened.
      if (prefix !== '') this.#see(`${env}:${entry.path}`, entry.digest);
      yield entry;
    }
  }

  environments(): Promise<readonly string[]> {
    return this.#source.environments();
  }

  #see(file: string, digest: string): void {
    const before = this.#seen.get(file);
    if (this.#isPinned && before !== undefined && before !== digest) {
      throw new EdgeError(
        'EDGE_PLAN_STALE',
        `the file ${file} changed while the plan was applied`,
        { file },
        { hint: 'Plan again: edge-run state plan TARGET … --save FILE' },
      );
    }
    this.#seen.set(file, digest);
  }
}

function stale(host: string): EdgeError {
  return new EdgeError(
    'EDGE_PLAN_STALE',
    `${host} is not as it was when the plan was made; nothing was applied there`,
    { host },
    { hint: 'Plan again: edge-run state plan TARGET … --save FILE' },
  );
}
