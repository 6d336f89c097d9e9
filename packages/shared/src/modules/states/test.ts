import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, PyTuple } from '../../values/index.ts';
import { type ApplyOutcome, defineState, inSync, refused, type StateModule, type Verdict } from '../contract/index.ts';

/** What the states that pretend to change show. */
const PRETENDED = { testing: { old: 'Unchanged', new: 'Something pretended to change' } };
const WOULD = "If we weren't testing, this would be";

const name = z.string().describe('Free text; the ID where absent.');

/** A change that changes nothing and ends as told. */
function pretend(comment: string, outcome: ApplyOutcome = {}): Verdict {
  const change = {
    what: 'testing',
    before: 'Unchanged',
    after: 'Something pretended to change',
    changes: PRETENDED,
    apply: async (): Promise<ApplyOutcome> => outcome,
  };
  return { kind: 'changes', changes: [change], comment };
}

/** Every test state reacts to a watched change so. */
const onWatch = async (): Promise<Verdict> => {
  const change = {
    what: 'watch',
    before: null,
    after: 'fired',
    verb: 'change' as const,
    changes: { 'Requisites with changes': 'fired' },
    apply: async (): Promise<ApplyOutcome> => ({ comment: 'Watch statement fired.' }),
  };
  return { kind: 'changes', changes: [change], comment: 'Watch statement fired.' };
};

const nop = defineState({
  name: 'test.nop',
  summary: 'Does nothing and succeeds; takes any arguments.',
  effect: 'action',
  args: z.object({ name, rest: anyValue().optional().describe('Arguments, all of them ignored.') }),
  keywords: 'rest',
  examples: [{ title: 'A place to hang requisites on', args: { name: 'deployed' } }],
  check: async () => inSync('Success!'),
  onWatch,
});

const succeedWithoutChanges = defineState({
  name: 'test.succeed_without_changes',
  summary: 'Succeeds and changes nothing.',
  effect: 'action',
  args: z.object({ name, rest: anyValue().optional().describe('Arguments, all of them ignored.') }),
  keywords: 'rest',
  examples: [{ title: 'Succeed', args: { name: 'fine' } }],
  check: async () => inSync('Success!'),
  onWatch,
});

const succeedWithChanges = defineState({
  name: 'test.succeed_with_changes',
  summary: 'Succeeds and says that something changed.',
  effect: 'action',
  args: z.object({ name, rest: anyValue().optional().describe('Arguments, all of them ignored.') }),
  keywords: 'rest',
  examples: [{ title: 'Set off what watches', args: { name: 'changed' } }],
  check: async () => pretend(`${WOULD} successful with changes`, { comment: 'Success!' }),
  onWatch,
});

const failWithoutChanges = defineState({
  name: 'test.fail_without_changes',
  summary: 'Fails and changes nothing.',
  effect: 'action',
  args: z.object({
    name,
    comment: z.string().optional().describe('What the failure says.'),
    rest: anyValue().optional().describe('Arguments, all of them ignored.'),
  }),
  keywords: 'rest',
  examples: [{ title: 'Stop here', args: { name: 'not on this system', comment: 'needs Debian' } }],
  check: async ({ comment }) => refused(comment ?? 'Failure!'),
  onWatch,
});

const failWithChanges = defineState({
  name: 'test.fail_with_changes',
  summary: 'Fails and says that something changed.',
  effect: 'action',
  args: z.object({ name, rest: anyValue().optional().describe('Arguments, all of them ignored.') }),
  keywords: 'rest',
  examples: [{ title: 'Fail half-way', args: { name: 'half-way' } }],
  check: async () => pretend(`${WOULD} failed with changes`, { result: false, comment: 'Failure!' }),
  onWatch,
});

const modWatch = defineState({
  name: 'test.mod_watch',
  summary: 'Says that a watched state changed.',
  effect: 'action',
  args: z.object({ name, rest: anyValue().optional().describe('Arguments, all of them ignored.') }),
  keywords: 'rest',
  examples: [{ title: 'React', args: { name: 'react' } }],
  check: onWatch,
  onWatch,
});

const chance = z.union([z.boolean(), z.literal('Random')]);

const configurable = defineState({
  name: 'test.configurable_test_state',
  summary: 'Ends as it is told: with or without changes, as success or failure, with warnings.',
  effect: 'action',
  args: z.object({
    name,
    changes: chance.default(true).describe('Whether it changes something; `Random` leaves it to chance.'),
    result: chance.default(true).describe('Whether it succeeds; `Random` leaves it to chance.'),
    comment: z.string().default('').describe('What it says.'),
    warnings: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .describe('Warnings to show.'),
  }),
  examples: [{ title: 'A failure after a change', args: { name: 'x', changes: true, result: false } }],
  check: async ({ changes, result, comment, warnings }) => {
    const doesChange = changes === 'Random' ? Math.random() < 0.5 : changes;
    const doesSucceed = result === 'Random' ? Math.random() < 0.5 : result;
    const warned = typeof warnings === 'string' ? [warnings] : (warnings ?? []);
    const says = [comment, ...warned].filter((text) => text !== '').join('\n');
    if (doesChange) return pretend(says, { result: doesSucceed, comment: says });
    if (doesSucceed) return inSync(says);
    const failure = { what: 'testing', before: null, after: null, changes: {} };
    const apply = async (): Promise<ApplyOutcome> => ({ result: false, comment: says });
    return { kind: 'changes', changes: [{ ...failure, apply }], comment: says, foreseen: true };
  },
  onWatch,
});

const showNotification = defineState({
  name: 'test.show_notification',
  summary: 'Shows a text in the return and changes nothing.',
  effect: 'action',
  args: z.object({ name, text: z.string().describe('The text.') }),
  examples: [{ title: 'Tell', args: { name: 'note', text: 'restart by hand' } }],
  check: async ({ text }) => inSync(text),
  onWatch,
});

/** No pillar holds this very object. */
const MISSING = new PyTuple([]);

const KINDS = {
  present: () => true,
  boolean: (value: unknown) => typeof value === 'boolean',
  integer: (value: unknown) => typeof value === 'number' && Number.isInteger(value),
  string: (value: unknown) => typeof value === 'string',
  listing: (value: unknown) => Array.isArray(value),
} as const;

const keys = z.union([z.string(), z.array(z.string())]).optional();

const checkPillar = defineState({
  name: 'test.check_pillar',
  summary: 'Fails where pillar keys are missing or hold something of another kind.',
  effect: 'action',
  args: z.object({
    name,
    present: keys.describe('Keys that must be there.'),
    boolean: keys.describe('Keys that must hold a boolean.'),
    integer: keys.describe('Keys that must hold an integer.'),
    string: keys.describe('Keys that must hold a text.'),
    listing: keys.describe('Keys that must hold a list.'),
    dictionary: keys.describe('Keys that must hold a mapping.'),
    verbose: z.boolean().default(false).describe('Say which keys are fine, too.'),
  }),
  examples: [
    { title: 'Before a deployment', args: { name: 'pillar', present: ['app:version'], listing: 'app:servers' } },
  ],
  check: async (args, ctx) => {
    const wrong: string[] = [];
    const fine: string[] = [];
    const look = (
      kind: string,
      list: string | readonly string[] | undefined,
      holds: (value: unknown) => boolean,
    ): void => {
      for (const key of typeof list === 'string' ? [list] : (list ?? [])) {
        const value = ctx.pillar.get(key, MISSING);
        if (value === MISSING) wrong.push(`${key} is missing`);
        else if (holds(value)) fine.push(key);
        else wrong.push(`${key} is not ${kind}`);
      }
    };
    for (const [kind, holds] of Object.entries(KINDS)) look(kind, args[kind as keyof typeof KINDS], holds);
    look('dictionary', args.dictionary, (value) => value instanceof PyMap);
    if (wrong.length > 0) return refused(`Pillar keys are not as they must be: ${wrong.join('; ')}`);
    return inSync(args.verbose ? `Pillar keys are as they must be: ${fine.join(', ')}` : '');
  },
});

/** The states of `test`, for trying things out and as places to hang requisites on. */
export const testStates: readonly StateModule[] = [
  nop,
  succeedWithoutChanges,
  succeedWithChanges,
  failWithoutChanges,
  failWithChanges,
  modWatch,
  configurable,
  showNotification,
  checkPillar,
];
