import { z } from 'zod';
import { edgeEvent, encodedValue, errorRecord } from '../messages.ts';
import { RENDER_STAGES } from '../render-stages.ts';
import { instant, listArguments, operation, wordArguments } from './operation.ts';

const place = z.object({
  file: z.string(),
  line: z.number(),
  column: z.number().optional(),
  endColumn: z.number().optional(),
  text: z.string().optional(),
  role: z.enum(['rendered', 'other']).optional(),
});

/** A problem in user input as it travels: `Diagnostic` of the kernel. */
export const diagnosticRecord = z.object({
  severity: z.enum(['error', 'warning']),
  code: z.string(),
  summary: z.string(),
  detail: z.string(),
  source: place.optional(),
  chain: z.array(place).optional(),
});

/** A schedule as shown. */
export const scheduleEntry = z.object({
  name: z.string(),
  what: z.string().describe('The function or orchestration it starts.'),
  when: z.string().describe('The cron expression or interval as written.'),
  enabled: z.boolean(),
  nextAt: instant.optional(),
  lastAt: instant.optional(),
});
export type ScheduleEntry = z.infer<typeof scheduleEntry>;

/** Operations on the master itself: status, runners, events, schedules, reactors, files. */
export const masterOperations = {
  status: operation({
    name: 'status',
    summary: 'Answer how the master and its fleet are.',
    args: z.object({}),
    answer: z.object({
      master: z.object({ id: z.string(), version: z.string(), startedAt: instant }),
      minions: z.object({ accepted: z.number(), connected: z.number(), pending: z.number() }),
      runs: z.object({
        running: z.number(),
        orphaned: z.number(),
        waiting: z.number().describe('For a lock, an approval, an answer, or to be resumed.'),
      }),
      console: z.string().optional().describe('Address of the web console.'),
      api: z.string().optional().describe('Address of the HTTP API.'),
    }),
  }),
  'runner.call': operation({
    name: 'runner.call',
    summary: 'Call a runner on the master and answer its return.',
    args: z.object({
      fun: z.string().describe('The runner: `manage.status`.'),
      ...wordArguments,
      timeoutMs: z.number().positive().optional().describe('Limit of its run time.'),
    }),
    answer: z.object({ ret: encodedValue, succeeded: z.boolean(), error: errorRecord.optional() }),
  }),
  'events.send': operation({
    name: 'events.send',
    summary: 'Publish an event.',
    args: z.object({
      tag: z.string().describe('Such as `release/requested`.'),
      data: encodedValue.describe('Any value, encoded.'),
    }),
    answer: z.object({ id: z.string() }),
  }),
  'events.recent': operation({
    name: 'events.recent',
    summary: 'List events, oldest first.',
    args: z.object({ ...listArguments, tag: z.string().optional().describe('Glob over tags: `run/*`.') }),
    answer: z.object({ events: z.array(edgeEvent) }),
  }),
  'schedule.ls': operation({
    name: 'schedule.ls',
    summary: 'List schedules with their next fire.',
    args: z.object({}),
    answer: z.object({ schedules: z.array(scheduleEntry) }),
  }),
  'schedule.run': operation({
    name: 'schedule.run',
    summary: 'Start what a schedule starts, now.',
    args: z.object({ name: z.string().describe('Name of the schedule.') }),
    answer: z.object({ run: z.string().optional(), jid: z.string().optional() }),
  }),
  'schedule.next': operation({
    name: 'schedule.next',
    summary: 'Answer the next fires of a schedule.',
    args: z.object({
      name: z.string().describe('Name of the schedule.'),
      count: z.number().int().positive().max(1000).describe('How many.'),
    }),
    answer: z.object({ fires: z.array(instant) }),
  }),
  'reactor.ls': operation({
    name: 'reactor.ls',
    summary: 'List which tags start which reactor files.',
    args: z.object({}),
    answer: z.object({ reactors: z.array(z.object({ tag: z.string(), files: z.array(z.string()) })) }),
  }),
  render: operation({
    name: 'render',
    summary: 'Render one file as a minion or the master would.',
    args: z.object({
      path: z.string().describe('SLS name (`nginx.server`) or `salt://` path.'),
      stage: z.enum(RENDER_STAGES).default('jinja').describe('How far: text, data, high data, or states in order.'),
      id: z.string().optional().describe('Render with the grains and pillar of this minion; the master when absent.'),
      saltenv: z.string().optional().describe('File environment.'),
      pillarenv: z.string().optional().describe('Pillar environment.'),
      pillar: encodedValue.optional().describe('Mapping merged over the pillar, encoded.'),
    }),
    answer: z.union([
      z.object({ text: z.string().describe('The file after its templates ran.'), warnings: z.array(diagnosticRecord) }),
      z.object({ value: encodedValue.describe('Its data, high data or states.'), warnings: z.array(diagnosticRecord) }),
    ]),
  }),
};
