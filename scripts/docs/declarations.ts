import { createProgram } from '@edge-run/cli/shell';
import { STEP_KINDS, type StepKind } from '@edge-run/master/orchestration';
import { masterRunners, type Runner, type RunnerParts } from '@edge-run/master/runners';
import { ENV_NAMES, minionConfig } from '@edge-run/minion/config';
import { HostRuntime, type RuntimeOptions, stateFunctions } from '@edge-run/shared/execute';
import { ERROR_CODES } from '@edge-run/shared/kernel';
import type { Catalog } from '@edge-run/shared/modules/contract';
import { EXTERNAL_KINDS } from '@edge-run/shared/pillar';
import { masterConfigSchema, projectFileSchema } from '@edge-run/shared/project';
import { EXIT, OPERATIONS, type Operation, STREAMS, SUBJECTS } from '@edge-run/shared/protocol';
import type { Command } from 'commander';
import type { z } from 'zod';
import { EVENT, EVENT_TAGS, type EventTag } from './event-tags.ts';

/** Everything Edge declares about itself, from which the reference is made. */
export interface Declarations {
  /** Execution functions and states of every host; functions include those that run states. */
  readonly catalog: Catalog;
  readonly steps: readonly StepKind[];
  readonly runners: readonly Runner[];
  readonly operations: readonly Operation[];
  readonly masterConfig: z.ZodObject;
  /** What `edge.yaml` may say beside the settings of its master. */
  readonly projectFile: z.ZodObject;
  readonly pillarSources: readonly Pick<(typeof EXTERNAL_KINDS)[number], 'name' | 'summary' | 'settings'>[];
  readonly minionConfig: z.ZodObject;
  /** Environment variable → key of the minion's configuration. */
  readonly minionEnvironment: Readonly<Record<string, string>>;
  readonly program: Command;
  readonly exitCodes: Readonly<Record<string, number>>;
  readonly eventTags: readonly EventTag[];
  readonly event: z.ZodObject;
  /** Name → subject; functions are given `<placeholders>`. */
  readonly subjects: readonly (readonly [name: string, subject: string])[];
  readonly streams: readonly { readonly name: string; readonly subjects: readonly string[] }[];
  readonly errorCodes: Readonly<Record<string, string>>;
}

/** Names of the variable parts of subjects, in the order of the functions' parameters. */
const SUBJECT_PARTS: Readonly<Record<string, readonly string[]>> = {
  job: ['id'],
  returns: ['jid', 'id'],
  returnsOf: ['jid'],
  minionEvent: ['id'],
  rpc: ['id', 'operation'],
  operation: ['operation', 'user'],
  run: ['run'],
  filePart: ['digest', 'part'],
  knock: ['publicKey'],
  ack: ['publicKey'],
};

/** Collects the declarations; nothing is started, connected or read. */
export async function collectDeclarations(modules: Catalog): Promise<Declarations> {
  // Only what is declared is looked at: no function of these is ever called.
  const runtime = new HostRuntime({ catalog: modules } as RuntimeOptions, stateFunctions);
  const inert = { runtime } as Partial<RunnerParts> as RunnerParts;
  return {
    catalog: runtime.catalog,
    steps: STEP_KINDS,
    runners: masterRunners(inert),
    operations: Object.values(OPERATIONS),
    masterConfig: masterConfigSchema,
    projectFile: projectFileSchema,
    pillarSources: EXTERNAL_KINDS,
    minionConfig,
    minionEnvironment: ENV_NAMES,
    program: await createProgram('0.0.0', (command) => command),
    exitCodes: EXIT,
    eventTags: EVENT_TAGS,
    event: EVENT,
    subjects: Object.entries(SUBJECTS).map(([name, subject]) => [name, subjectText(name, subject)]),
    streams: Object.values(STREAMS),
    errorCodes: ERROR_CODES,
  };
}

/** The subject with `<id>` for each variable part; the escapes of ids are undone. */
function subjectText(name: string, subject: string | ((...parts: string[]) => string)): string {
  if (typeof subject === 'string') return subject;
  const parts = SUBJECT_PARTS[name];
  if (parts === undefined) throw new TypeError(`SUBJECT_PARTS does not name the parts of the subject ${name}`);
  return parts.reduce(
    (text, part, index) => text.replace(`PART${index}`, `<${part}>`),
    subject(...parts.map((_, index) => `PART${index}`)),
  );
}
