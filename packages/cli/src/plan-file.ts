import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EdgeError, errorMessage, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs, TargetExpression } from '@edge-run/shared/protocol';
import { canonicalJson, type HostPlan } from '@edge-run/shared/view';
import { type Sealed, seal, unseal } from './plan-seal.ts';

type JobRequest = OperationArgs<'jobs.publish'>;

/** A plan: what was asked for, and what every host answered. Secrets are sealed. */
export interface SavedPlan {
  /** RFC 3339. */
  readonly savedAt: string;
  readonly target: TargetExpression;
  /** Only hosts of the roster are meant. */
  readonly transport?: 'ssh';
  /** Whether the hosts are everybody the target selects; false for `--subset`. */
  readonly complete: boolean;
  /** With the `pillar=` of the command line, which no file holds. */
  readonly request: Pick<JobRequest, 'args' | 'kwargs' | 'typed'>;
  readonly nonce: string;
  readonly hosts: Readonly<Record<string, HostPlan>>;
}

/**
 * A plan as it lies in a file. Values of `pillar=` may be anywhere in what hosts answered, so with them the answers are
 * sealed, and the values are what opens them again (docs/decisions/0009-plan-files-hold-no-overrides.md).
 */
interface PlanInFile extends Omit<SavedPlan, 'hosts'> {
  readonly version: 1;
  readonly hosts: SavedPlan['hosts'] | Sealed;
  readonly isSealed: boolean;
}

/** Writes the plan for its owner's eyes alone; resolves to the digest of what is in it. */
export async function savePlan(cwd: string, file: string, plan: SavedPlan): Promise<string> {
  const { request, pillar } = withoutPillar(plan.request);
  const inFile: PlanInFile = {
    version: 1,
    ...plan,
    request,
    isSealed: pillar !== undefined,
    hosts: pillar === undefined ? plan.hosts : await seal(plan.hosts as unknown as JsonValue, pillar),
  };
  return writePlanFile(cwd, file, inFile as unknown as JsonObject);
}

/** Writes what a plan holds for its owner's eyes alone, with its digest; resolves to that. */
export async function writePlanFile(cwd: string, file: string, content: JsonObject): Promise<string> {
  const digest = digestOf(content);
  const text = `${JSON.stringify({ ...content, sha256: digest }, null, 2)}\n`;
  await writeFile(resolve(cwd, file), text, { mode: 0o600 }).catch((error: unknown) => {
    throw new EdgeError('EDGE_BAD_ARGUMENT', `the plan cannot be saved: ${errorMessage(error)}`, { file });
  });
  return digest;
}

/** Reads what `writePlanFile` wrote. @throws EdgeError `EDGE_PLAN_INVALID` when it is no plan, or not as it was saved */
export async function readPlanFile(cwd: string, file: string): Promise<JsonObject> {
  const hint = 'Make one: edge-run state plan TARGET … --save FILE, or edge-run orch plan NAME … --save FILE';
  const invalid = (why: string): EdgeError => new EdgeError('EDGE_PLAN_INVALID', `${file}: ${why}`, { file }, { hint });
  const text = await readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    throw invalid(errorMessage(error));
  });
  let read: JsonObject | null;
  try {
    read = JSON.parse(text) as typeof read;
  } catch (error) {
    throw invalid(errorMessage(error));
  }
  if (read === null || typeof read !== 'object' || read.version !== 1) throw invalid('this is no saved plan');
  const { sha256, ...content } = read;
  if (sha256 !== digestOf(content)) throw invalid('the plan was changed after it was saved');
  return content;
}

/**
 * The plan of a file's content, which `given` completes: the `pillar=` it was made with.
 * @throws EdgeError `EDGE_MISSING_ARGUMENT` without the values it was made with, `EDGE_PLAN_STALE` with others
 */
export async function openPlan(
  file: string,
  content: JsonObject,
  given: Pick<JobRequest, 'kwargs' | 'typed'>,
): Promise<SavedPlan> {
  const { version: _version, isSealed, hosts, ...plan } = content as unknown as PlanInFile;
  const pillar = new Map(given.kwargs).get('pillar');
  if (!isSealed) {
    if (pillar === undefined) return { ...plan, hosts: hosts as SavedPlan['hosts'] };
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${file} was made without pillar=`,
      { file },
      { hint: `Apply what was planned: edge-run apply ${file}` },
    );
  }
  if (pillar === undefined) {
    throw new EdgeError(
      'EDGE_MISSING_ARGUMENT',
      `${file} was made with pillar=, whose values are not kept in it`,
      { file },
      { hint: `Give the same values again: edge-run apply ${file} pillar='{…}'` },
    );
  }
  const answers = await unseal(hosts as Sealed, pillar);
  if (answers === undefined) {
    throw new EdgeError(
      'EDGE_PLAN_STALE',
      'the values of pillar= are not those the plan was made with; nothing was applied',
      { file },
      { hint: 'Give the same values, or plan again: edge-run state plan TARGET … --save FILE' },
    );
  }
  const { request } = plan;
  const typed = { args: request.typed?.args ?? [], kwargs: { ...request.typed?.kwargs, ...given.typed?.kwargs } };
  return {
    ...plan,
    hosts: answers as unknown as SavedPlan['hosts'],
    request: { ...request, kwargs: [...request.kwargs, ...given.kwargs], typed },
  };
}

function withoutPillar({ args, kwargs, typed }: SavedPlan['request']): {
  readonly request: SavedPlan['request'];
  readonly pillar: JsonValue | undefined;
} {
  const pillar = new Map(kwargs).get('pillar');
  const { pillar: _typed, ...words } = typed?.kwargs ?? {};
  return {
    pillar,
    request: {
      args,
      kwargs: kwargs.filter(([name]) => name !== 'pillar'),
      ...(typed === undefined ? {} : { typed: { ...typed, kwargs: words } }),
    },
  };
}

function digestOf(content: JsonObject): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}
