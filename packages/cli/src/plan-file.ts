import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EdgeError, errorMessage, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs, TargetExpression } from '@edge-run/shared/protocol';
import { canonicalJson, type HostPlan } from '@edge-run/shared/view';

type JobRequest = OperationArgs<'jobs.publish'>;

/** A plan as it lies in a file: what was asked for, and what every host answered. Secrets are sealed. */
export interface SavedPlan {
  readonly version: 1;
  /** RFC 3339. */
  readonly savedAt: string;
  readonly target: TargetExpression;
  /** Whether the hosts are everybody the target selects; false for `--subset`. */
  readonly complete: boolean;
  readonly request: Pick<JobRequest, 'args' | 'kwargs' | 'typed'>;
  readonly nonce: string;
  readonly hosts: Readonly<Record<string, HostPlan>>;
}

/** Writes the plan for its owner's eyes alone; resolves to the digest of what is in it. */
export async function savePlan(cwd: string, file: string, plan: SavedPlan): Promise<string> {
  const digest = digestOf(plan);
  const text = `${JSON.stringify({ ...plan, sha256: digest }, null, 2)}\n`;
  await writeFile(resolve(cwd, file), text, { mode: 0o600 }).catch((error: unknown) => {
    throw new EdgeError('EDGE_BAD_ARGUMENT', `the plan cannot be saved: ${errorMessage(error)}`, { file });
  });
  return digest;
}

/** Reads a saved plan. @throws EdgeError `EDGE_PLAN_INVALID` when it is none, or not as it was saved */
export async function loadPlan(cwd: string, file: string): Promise<SavedPlan> {
  const hint = 'Make one: edge-run state plan TARGET … --save FILE';
  const invalid = (why: string): EdgeError => new EdgeError('EDGE_PLAN_INVALID', `${file}: ${why}`, { file }, { hint });
  const text = await readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    throw invalid(errorMessage(error));
  });
  let read: (SavedPlan & { readonly sha256?: string }) | null;
  try {
    read = JSON.parse(text) as typeof read;
  } catch (error) {
    throw invalid(errorMessage(error));
  }
  if (read === null || typeof read !== 'object' || read.version !== 1) throw invalid('this is no saved plan');
  const { sha256, ...plan } = read;
  if (sha256 !== digestOf(plan)) throw invalid('the plan was changed after it was saved');
  return plan;
}

function digestOf(plan: SavedPlan): string {
  return createHash('sha256')
    .update(canonicalJson(plan as unknown as JsonValue))
    .digest('hex');
}
