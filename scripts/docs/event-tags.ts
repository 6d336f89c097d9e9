import {
  edgeEvent,
  jobEnd,
  jobReturnEvent,
  type RunJournalEvent,
  runEvent,
  stepProgress,
} from '@edge-run/shared/protocol';
import { z } from 'zod';

/** One kind of event that Edge itself sends. */
export interface EventTag {
  /** The tag; `<…>` stands for what differs from event to event. */
  readonly tag: string;
  /** One sentence: when it is sent. */
  readonly when: string;
  readonly sender: 'master' | 'minion';
  readonly data: z.ZodType;
}

/** What hosts send is below `data`. */
const fromHost = (sent: z.ZodType): z.ZodType =>
  z.object({
    id: z.string().describe('The host.'),
    tag: z.string(),
    data: sent,
    cmd: z.literal('_minion_event'),
    pretag: z.null(),
  });

const minionSays = z.object({
  version: z.string().describe('Version of the minion.'),
  running: z.number().describe('Jobs it has in hand.'),
});

const finger = z.string().describe('Fingerprint of its key.');
const keyAsked = z.object({
  id: z.string().describe('The id it wants to have.'),
  act: z.enum(['pend', 'accept', 'reject', 'denied']).describe('The answer; `denied`: another key has the id.'),
  result: z.boolean().describe('False for `reject` and `denied`.'),
  pub: z.string().describe('Its public key.'),
  finger,
});
const keyDecided = z.object({
  id: z.string(),
  act: z.enum(['accept', 'reject', 'delete']),
  result: z.literal(true),
  finger,
});

const jobNew = z.object({
  jid: z.string(),
  fun: z.string(),
  arg: z.array(z.unknown()).describe('Positional arguments, encoded.'),
  tgt: z.string(),
  tgt_type: z.string(),
  minions: z.array(z.string()).describe('Ids that must answer, frozen now.'),
  missing: z.array(z.string()).describe('Empty: who is missing shows when the job ends.'),
  user: z.string().describe('Who asked.'),
});

const stateResult = z.object({
  ret: z.unknown().describe('Return of the state.'),
  len: z.number().describe('How many states the run has.'),
});

/** What every event has, whatever its tag. */
export const EVENT = edgeEvent;

/** When each entry of a run's journal is written, and so its event sent. */
const WHEN_RUN: Readonly<Record<RunJournalEvent['type'], string>> = {
  'run-planned': 'An orchestration was rendered and compiled; nothing of it has run. The plan itself is left out.',
  'run-adopted': 'A master drives the run from here on: the one that started it, or the next after a crash.',
  'run-queued': 'The run waits for locks; says who holds them and which place in the queue it has.',
  'run-locked': 'The run holds its locks.',
  'run-approved': 'Somebody agreed to the plan, or to a step that asks.',
  'run-rejected': 'Somebody refused the plan, or a step that asks.',
  'run-paused': 'Nothing further starts until the run is resumed.',
  'run-resumed': 'A paused run goes on.',
  'run-aborting': 'The run is being ended: by a person, by its deadline, or because too many hosts failed.',
  'run-moved': 'States, pillar or hosts are no longer what the plan was made of.',
  'run-asked': 'A step failed and a person is to say what becomes of it.',
  'run-answered': 'Somebody said what becomes of the failed step.',
  'hosts-dropped': 'Hosts failed, and later steps leave them out.',
  'run-rolling-back': 'What the run did is being undone, by a run of its own.',
  'run-rolled-back': 'The undoing has ended; names the steps that are undone.',
  'step-started':
    'A step starts; in the mode `run`, `watch` (something it watches has changed), `react` (something it listens to has) or `foresee` (only look, for `prereq`).',
  'step-ended': 'A step has ended, or was skipped.',
  'run-ended': 'The run has ended; carries the exit code of `edge-run orch`.',
};

/** Every tag that Edge sends by itself; `event.send`, `events send` and `fire_event` send any other. */
export const EVENT_TAGS: readonly EventTag[] = [
  {
    tag: 'edge/heartbeat',
    when: 'Twice a minute or so, to tell masters that the minion is there. Masters keep it to themselves.',
    sender: 'minion',
    data: minionSays,
  },
  {
    tag: 'salt/minion/<id>/start',
    when: 'A minion is connected, for the first time or again.',
    sender: 'minion',
    data: fromHost(minionSays),
  },
  {
    tag: 'salt/auth',
    when: 'A minion asks to be let in; one that waits asks again, which is told at most every ten seconds.',
    sender: 'master',
    data: keyAsked,
  },
  {
    tag: 'salt/presence/change',
    when: 'Connections of minions came or went; with `presence_events` only.',
    sender: 'master',
    data: z.object({ new: z.array(z.string()), lost: z.array(z.string()) }),
  },
  { tag: 'salt/key', when: 'Somebody decided about the key of a minion.', sender: 'master', data: keyDecided },
  { tag: 'salt/job/<jid>/new', when: 'A job was published.', sender: 'master', data: jobNew },
  {
    tag: 'salt/job/<jid>/ret/<id>',
    when: 'A target of a job has ended, with or without a return.',
    sender: 'master',
    data: jobReturnEvent,
  },
  {
    tag: 'salt/job/<jid>/end',
    when: 'Every target of a job has its end.',
    sender: 'master',
    data: jobEnd,
  },
  {
    tag: 'salt/state_result/<jid>/<id>/<name>',
    when: 'A state with `fire_event` has ended; `<name>` is what `fire_event` says, or the name of the state.',
    sender: 'minion',
    data: fromHost(stateResult),
  },
  ...runEvent.options.map((option) => ({
    tag: `run/<run>/${option.shape.type.value}`,
    when: WHEN_RUN[option.shape.type.value],
    sender: 'master' as const,
    data: option,
  })),
  {
    tag: 'run/<run>/step-progress',
    when: 'Something happens within a step; shown, never journaled.',
    sender: 'master',
    data: stepProgress,
  },
];
