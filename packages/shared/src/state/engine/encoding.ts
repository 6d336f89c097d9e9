import type { JsonValue, SourceRange } from '../../kernel/index.ts';
import { decodeValue, type EncodeOptions, encodeValue, type PyMap, type Value } from '../../values/index.ts';
import type { Chunk, ChunkOptions, Guards, Plan, Requisite, RunFact, StateReturn } from '../contract.ts';

/** The JSON form of a plan. Secrets are sealed unless `options` says otherwise: a sealed plan can be shown, not run. */
export function encodePlan(plan: Plan, options: EncodeOptions = {}): JsonValue {
  return { chunks: plan.chunks.map((chunk) => encodeChunk(chunk, options)) };
}

/** The plan an encoding stands for. */
export function decodePlan(json: JsonValue): Plan {
  return { chunks: (json as unknown as { chunks: readonly EncodedChunk[] }).chunks.map(decodeChunk) };
}

/** The JSON form of a fact, for a journal. */
export function encodeFact(fact: RunFact, options: EncodeOptions = {}): JsonValue {
  if (!('answer' in fact)) return { ...fact };
  const { changes, data, ...answer } = fact.answer;
  return {
    ...fact,
    answer: {
      ...answer,
      changes: encodeValue(changes, options),
      ...(data === undefined ? {} : { data: encodeValue(data, options) }),
    },
  };
}

/** The fact an encoding stands for. */
export function decodeFact(json: JsonValue): RunFact {
  const fact = json as unknown as RunFact;
  if (!('answer' in fact)) return fact;
  const { changes, data, ...rest } = fact.answer;
  const answer: StateReturn = {
    ...rest,
    changes: decodeValue(changes as JsonValue),
    ...(data === undefined ? {} : { data: decodeValue(data as JsonValue) }),
  };
  return { ...fact, answer };
}

interface EncodedChunk extends Omit<Chunk, 'name' | 'args' | 'low' | 'guards' | 'options' | 'stepWords'> {
  readonly name: JsonValue;
  readonly args: JsonValue;
  readonly low: JsonValue;
  readonly stepWords?: JsonValue;
  readonly guards: Readonly<Record<string, JsonValue>>;
  readonly options: Omit<ChunkOptions, 'checkCmd'> & { readonly checkCmd?: JsonValue };
}

function encodeChunk(chunk: Chunk, options: EncodeOptions): JsonValue {
  const { checkCmd, ...words } = chunk.options;
  const { stepWords, ...plain } = chunk;
  const encode = (value: Value): JsonValue => encodeValue(value, options);
  const encoded: EncodedChunk = {
    ...plain,
    name: encode(chunk.name),
    args: encode(chunk.args),
    low: encode(chunk.low),
    ...(stepWords === undefined ? {} : { stepWords: encode(stepWords) }),
    guards: Object.fromEntries(
      Object.entries(chunk.guards as Readonly<Record<string, Value>>).map(([guard, value]) => [guard, encode(value)]),
    ),
    options: checkCmd === undefined ? words : { ...words, checkCmd: encode(checkCmd) },
  };
  return encoded as unknown as JsonValue;
}

function decodeChunk(json: EncodedChunk): Chunk {
  const { checkCmd, ...words } = json.options;
  const guards = Object.fromEntries(Object.entries(json.guards).map(([guard, value]) => [guard, decodeValue(value)]));
  return {
    key: json.key,
    state: json.state,
    fun: json.fun,
    id: json.id,
    name: decodeValue(json.name),
    sls: json.sls,
    env: json.env,
    order: json.order,
    args: decodeValue(json.args) as PyMap,
    low: decodeValue(json.low) as PyMap,
    requisites: json.requisites as readonly Requisite[],
    guards: guards as Guards,
    options: checkCmd === undefined ? words : { ...words, checkCmd: decodeValue(checkCmd) },
    ...(json.stepWords === undefined ? {} : { stepWords: decodeValue(json.stepWords) as PyMap }),
    ...(json.place === undefined ? {} : { place: json.place as SourceRange }),
  };
}
