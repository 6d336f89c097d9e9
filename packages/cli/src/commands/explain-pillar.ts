import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { PillarExplanation } from '@edge-run/shared/protocol';
import { EXIT } from '@edge-run/shared/protocol/plain';
import { isMachineFormat } from '../flags.ts';
import { emitData } from '../output/emit.ts';
import { formatInline, plainJson } from '../output/values.ts';
import type { Session } from '../session.ts';
import { readTarget } from '../target.ts';
import { encodeWords } from '../words.ts';
import { type Handler, textOption, wordAt, wordsAt } from './registry.ts';

/** Prints where a value of pillars comes from; exit code 1 where no host has it. */
export const explainPillar: Handler = async (session, words, options) => {
  const key = wordAt(words, 1);
  const { explanations } = await (await session.master()).ask('pillar.explain', {
    target: readTarget(wordAt(words, 0), options),
    key,
    ...textOption(options, 'pillarenv'),
    ...(await readOverride(wordsAt(words, 2))),
  });
  const found = Object.values(explanations).some(({ value }) => value !== undefined);
  await print(session, key, explanations);
  return found ? EXIT.done : EXIT.failed;
};

async function readOverride(words: readonly string[]): Promise<{ pillar?: JsonValue }> {
  const { args, kwargs } = await encodeWords(words);
  const [other] = [...args.map(String), ...kwargs.map(([name]) => name).filter((name) => name !== 'pillar')];
  if (other !== undefined) {
    throw new EdgeError(
      'EDGE_UNKNOWN_ARGUMENT',
      `pillar explain takes pillar= only, not ${other}`,
      {},
      { hint: `Write: edge-run pillar explain TARGET KEY pillar='{"a": {"b": 1}}'` },
    );
  }
  const pillar = new Map(kwargs).get('pillar');
  if (pillar === undefined || pillar === null) return {};
  if (typeof pillar === 'object' && !Array.isArray(pillar)) return { pillar };
  throw new EdgeError('EDGE_BAD_ARGUMENT', 'pillar= must be a mapping', {}, { hint: `pillar='{"a": {"b": 1}}'` });
}

async function print(
  session: Session,
  key: string,
  explanations: Readonly<Record<string, PillarExplanation>>,
): Promise<void> {
  if (isMachineFormat(session.flags.out)) {
    await emitData(session, Object.fromEntries(Object.entries(explanations).map(([id, one]) => [id, asData(one)])));
    return;
  }
  const { io, style } = session;
  for (const [id, explanation] of Object.entries(explanations)) {
    io.stdout.write(
      `${style.bold(id)}\n${describe(key, explanation)
        .map((line) => `  ${line}\n`)
        .join('')}`,
    );
  }
}

function asData({ value, origins, ...rest }: PillarExplanation): JsonValue {
  const shown = origins.map((origin) => ({ ...origin, value: plainJson(origin.value) }));
  return { ...rest, ...(value === undefined ? {} : { value: plainJson(value) }), origins: shown } as JsonValue;
}

function describe(key: string, { value, secret, strategy, origins }: PillarExplanation): readonly string[] {
  const result = value === undefined ? `${key} is not there` : `${key}: ${formatInline(value)}`;
  const how = [strategy, ...(secret ? ['decrypted or secret'] : [])].join(', ');
  const width = Math.max(0, ...origins.map((origin) => place(origin).length));
  // The last one first: that is the one to change.
  const lines = origins.toReversed().map((origin) => {
    return `${MARKS[origin.effect]} ${place(origin).padEnd(width)}  ${origin.effect.padEnd(10)}  ${formatInline(origin.value)}`;
  });
  return [`${result}   (${how})`, ...(lines.length === 0 ? ['no source gives it'] : lines)];
}

const MARKS: Readonly<Record<PillarExplanation['origins'][number]['effect'], string>> = {
  wins: '*',
  adds: '+',
  overridden: '-',
};

function place({ source, line }: PillarExplanation['origins'][number]): string {
  return line === undefined ? source : `${source}:${line}`;
}
