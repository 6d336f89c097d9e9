import { z } from 'zod';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { listUsers } from '../providers/accounts.ts';
import {
  type FingerprintHash,
  fingerprintOf,
  parseAuthorizedKeys,
  readUserFile,
  removeKey,
  setKey,
  writeUserFile,
} from '../providers/ssh/index.ts';
import { authorizedArg, commentArg, encArg, hashArg, keyArg, optionsArg, userArg } from './ssh-arguments.ts';
import { authorizedKey } from './ssh-keys.ts';

const acceptedHash = hashArg.describe('Accepted for Salt trees; keys are compared themselves.');
const cacheKeysArg = z.array(z.string()).nullish().describe('Accepted for Salt trees; other keys always stay.');
const keyArgs = { enc: encArg, comment: commentArg, options: optionsArg, config: authorizedArg };
const keyOfUser = z.object({
  user: userArg,
  key: keyArg,
  ...keyArgs,
  cache_keys: cacheKeysArg,
  fingerprint_hash_type: acceptedHash,
});

/** Keys that users may log in with. */
export const sshFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'ssh.auth_keys',
    summary: 'Answer the keys a user may log in with.',
    args: z.object({
      user: z
        .union([userArg, z.array(userArg)])
        .nullish()
        .describe('Whose file it is; several answer a mapping of users, and none all users that have keys.'),
      config: authorizedArg,
      fingerprint_hash_type: hashArg,
    }),
    returns: 'A mapping of keys to {enc, comment, options, fingerprint}.',
    examples: [{ title: 'of one user', args: { user: 'app' } }],
    async run({ user, config, fingerprint_hash_type: hash }, { host }) {
      const keysOf = async (name: string): Promise<object> =>
        listed((await readUserFile(host, { user: name, config })).text, hash);
      if (typeof user === 'string') return await keysOf(user);
      const all: Record<string, object> = {};
      for (const name of user ?? (await listUsers(host)).map((entry) => entry.name)) {
        const keys = await keysOf(name);
        if (Object.keys(keys).length > 0) all[name] = keys;
      }
      return all;
    },
  }),
  defineRead({
    name: 'ssh.check_key',
    summary: 'Answer what would have to be done for a user to have a key.',
    args: keyOfUser,
    returns: '`exists`, `update` or `add`.',
    examples: [],
    async run({ user, key, config, ...defaults }, { host }) {
      const { text } = await readUserFile(host, { user, config });
      return setKey(text, authorizedKey(key, defaults)).status;
    },
  }),
  defineWrite({
    name: 'ssh.set_auth_key',
    summary: 'Let a user log in with a key.',
    args: keyOfUser,
    returns: '`new`, `replace` or `no change`.',
    examples: [],
    async run({ user, key, config, ...defaults }, { host }) {
      const { text } = await readUserFile(host, { user, config });
      const { status, text: after } = setKey(text, authorizedKey(key, defaults));
      if (after !== text) await writeUserFile(host, { user, config }, after);
      return { add: 'new', update: 'replace', exists: 'no change' }[status];
    },
  }),
  defineWrite({
    name: 'ssh.rm_auth_key',
    summary: 'Do not let a user log in with a key any more.',
    args: z.object({ user: userArg, key: keyArg, config: authorizedArg, fingerprint_hash_type: acceptedHash }),
    returns: '`Key removed` or `Key not present`.',
    examples: [],
    async run({ user, key, config }, { host }) {
      const { text } = await readUserFile(host, { user, config });
      const after = removeKey(text, key);
      if (after === text) return 'Key not present';
      await writeUserFile(host, { user, config }, after);
      return 'Key removed';
    },
  }),
];

function listed(text: string, hash: FingerprintHash | undefined): Record<string, object> {
  return Object.fromEntries(
    parseAuthorizedKeys(text).flatMap(({ entry }) => {
      if (entry === undefined) return [];
      const { key, ...rest } = entry;
      return [[key, { ...rest, fingerprint: fingerprintOf(key, hash) }]];
    }),
  );
}
