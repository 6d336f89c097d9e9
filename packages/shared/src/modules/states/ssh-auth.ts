import { z } from 'zod';
import {
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import { authorizedArg, commentArg, encArg, hashArg, optionsArg, userArg } from '../execution/ssh-arguments.ts';
import { type KeyDefaults, readKeyText, requireType } from '../execution/ssh-keys.ts';
import {
  type AuthorizedKey,
  parseAuthorizedKey,
  parseAuthorizedKeys,
  readUserFile,
  removeKey,
  setKey,
  type UserPath,
  writeUserFile,
} from '../providers/ssh/index.ts';
import { unifiedDiff } from '../text/index.ts';
import { fetchSource } from './file-content.ts';

const keyText = z.string().regex(/^[^\n\r]*\S[^\n\r]*\n?$/, 'is not one line');
const sourceArg = z
  .string()
  .regex(/^(?!http:)/, 'is not fetched over a connection that anybody could change: write https://')
  .nullish()
  .transform((source) => source || undefined)
  .describe('File with keys instead, a line each: `salt://` path, path on the host or https address.');
const shared = {
  user: userArg,
  enc: encArg,
  comment: commentArg,
  source: sourceArg,
  options: optionsArg,
  config: authorizedArg,
  fingerprint_hash_type: hashArg.describe('Accepted for Salt trees; keys are compared themselves.'),
};

/** Keys that users may log in with, as they should be. */
export const sshAuthStates: readonly StateModule[] = [
  defineState({
    name: 'ssh_auth.present',
    summary: 'Ensure a user may log in with a key.',
    effect: 'repair',
    args: z.object({
      name: keyText.describe('The key, alone, with a comment, or a whole line: `[options] type key [comment]`.'),
      ...shared,
    }),
    examples: [
      {
        title: 'a whole line',
        args: {
          name: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl jane@example.com',
          user: 'deploy',
        },
      },
      { title: 'keys of a file', args: { name: 'jane', user: 'deploy', source: 'salt://keys/jane.pub' } },
    ],
    async check({ name, source, ...args }, ctx) {
      const keys = source === undefined ? [readKeyText(name, args)] : await sourceKeys(ctx, source, args);
      if (keys.length === 0) return nothingIn(source!);
      const all =
        source === undefined
          ? `The authorized host key ${keys[0]!.key} is already present for user ${args.user}`
          : `All host keys in file ${source} are already present`;
      return await verdict(ctx, args, { add: keys, remove: () => [], inSync: all });
    },
  }),
  defineState({
    name: 'ssh_auth.absent',
    summary: 'Ensure a user may not log in with a key.',
    effect: 'repair',
    args: z.object({ name: keyText.describe('The key, alone or in a whole line.'), ...shared }),
    examples: [
      {
        title: 'a key',
        args: { name: 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl', user: 'deploy' },
      },
    ],
    async check({ name, source, ...args }, ctx) {
      const keys = source === undefined ? [keyOf(name)] : (await sourceKeys(ctx, source, args)).map(({ key }) => key);
      if (keys.length === 0) return nothingIn(source!);
      const remove = (found: readonly string[]): string[] => found.filter((key) => keys.includes(key));
      const none = source === undefined ? 'Key not present' : `All host keys in file ${source} are already absent`;
      return await verdict(ctx, args, { add: [], remove, inSync: none });
    },
  }),
  defineState({
    name: 'ssh_auth.manage',
    summary: 'Ensure a user may log in with these keys and no others.',
    effect: 'repair',
    args: z.object({
      name: z.string().describe('Name of the state.'),
      ssh_keys: z.array(keyText).describe('The keys, each alone or as a whole line.'),
      ...shared,
    }),
    examples: [
      {
        title: 'one person',
        args: {
          name: 'keys of deploy',
          user: 'deploy',
          ssh_keys: [
            'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl jane@example.com',
          ],
        },
      },
    ],
    async check({ ssh_keys: texts, source, ...args }, ctx) {
      const given = texts.map((text) => readKeyText(text, args));
      const keys = [...given, ...(source === undefined ? [] : await sourceKeys(ctx, source, args))];
      const remove = (found: readonly string[]): string[] =>
        found.filter((key) => keys.every((wanted) => wanted.key !== key));
      return await verdict(ctx, args, { add: keys, remove, inSync: `User ${args.user} has these keys and no others` });
    },
  }),
];

/** The keys of a file; those without options of their own get those of the state. */
async function sourceKeys(ctx: ModuleContext, source: string, { options }: KeyDefaults): Promise<AuthorizedKey[]> {
  const { bytes } = await fetchSource(ctx, {
    ...{ sources: [source], sourceHash: undefined, skipVerify: source.startsWith('https://') },
    ...{ template: undefined, variables: new Map() },
  });
  return parseAuthorizedKeys(Buffer.from(bytes).toString('utf8')).flatMap(({ entry }) => {
    if (entry === undefined) return [];
    requireType(entry.key, entry.enc);
    return [entry.options.length > 0 ? entry : { ...entry, options }];
  });
}

function nothingIn(source: string): Verdict {
  return refused(`No keys detected in ${source}. Is file properly formatted?`);
}

function keyOf(text: string): string {
  return parseAuthorizedKey(text)?.key ?? text.trim().split(/\s+/)[0]!;
}

/** Which keys are to come and to go. */
interface KeyGoal {
  readonly add: readonly AuthorizedKey[];
  /** Of the keys that are there, those to remove. */
  remove(found: readonly string[]): readonly string[];
  /** Said where nothing is to be done. */
  readonly inSync: string;
}

async function verdict(ctx: ModuleContext, path: UserPath, goal: KeyGoal): Promise<Verdict> {
  const { text: before } = await readUserFile(ctx.host, path);
  const { text: after, changes } = edited(before, goal);
  if (after === before) return inSync(goal.inSync);
  const words = { New: 'added', Updated: 'updated', Removed: 'removed' };
  const what = Object.entries(changes).map(
    ([key, change]) => `The authorized host key ${key} for user ${path.user} was ${words[change]}`,
  );
  return changesOf({
    what: what.join('\n'),
    before,
    after,
    changes,
    diff: unifiedDiff(before, after),
    async apply({ host }) {
      // Read again: an earlier change of this run may have been to the same file.
      const { text } = await readUserFile(host, path);
      await writeUserFile(host, path, edited(text, goal).text);
      return undefined;
    },
  });
}

function edited(
  before: string,
  goal: KeyGoal,
): { readonly text: string; readonly changes: Record<string, 'New' | 'Updated' | 'Removed'> } {
  const changes: Record<string, 'New' | 'Updated' | 'Removed'> = {};
  let text = before;
  const found = parseAuthorizedKeys(before).flatMap(({ entry }) => (entry === undefined ? [] : [entry.key]));
  for (const key of goal.remove(found)) {
    text = removeKey(text, key);
    changes[key] = 'Removed';
  }
  for (const key of goal.add) {
    const set = setKey(text, key);
    text = set.text;
    // A key that is named twice is new all the same.
    if (set.status !== 'exists') changes[key.key] ??= set.status === 'add' ? 'New' : 'Updated';
  }
  return { text, changes };
}
