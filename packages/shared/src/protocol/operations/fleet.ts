import { z } from 'zod';
import { encodedValue } from '../messages.ts';
import { instant, operation, targetExpression } from './operation.ts';

const globs = z.array(z.string()).min(1).describe('Ids or globs of ids.');

/** A minion's key. */
export const minionKey = z.object({
  id: z.string(),
  state: z.enum(['pending', 'accepted', 'rejected', 'denied']).describe('`denied`: another key has the id already.'),
  fingerprint: z.string(),
  since: instant,
  from: z.string().optional().describe('Address it asked from.'),
  token: z.string().optional().describe('Name of the join token it showed.'),
  role: z.string().optional().describe('What that token says the host is for.'),
});

/** A join token, without its secret. */
export const joinToken = z.object({
  name: z.string(),
  ids: z.string().describe('Glob of the ids it is good for.'),
  role: z.string().optional().describe('The role of those it lets in.'),
  usesLeft: z.number().int(),
  createdAt: instant,
  expiresAt: instant,
});
export type JoinToken = z.infer<typeof joinToken>;
export type MinionKey = z.infer<typeof minionKey>;

/** A minion or SSH target. */
export const fleetNode = z.object({
  id: z.string(),
  kind: z.enum(['minion', 'ssh']),
  state: z.enum(['connected', 'disconnected', 'unknown']),
  version: z.string().optional(),
  os: z.string().optional(),
  address: z.string().optional(),
  lastSeenAt: instant.optional(),
  grainsAsOf: instant.optional().describe('When it last told its grains, by which it is a target.'),
});
export type FleetNode = z.infer<typeof fleetNode>;

const changedKeys = z.object({ keys: z.array(minionKey).describe('The keys that were changed, in their new state.') });

/** Why a target means one host or not; what its pillar holds is never told. */
const matchedHost = z.object({
  id: z.string(),
  matched: z.boolean(),
  because: z.string().describe('The grains, pillar keys or id that decided.'),
  parts: z
    .array(z.object({ target: z.string(), matched: z.boolean(), because: z.string() }))
    .describe('The same for each part of a compound expression or nodegroup, from left to right.'),
});

/** A contribution to a value of a pillar, and what became of it. */
const pillarOrigin = z.object({
  source: z.string().describe('`base: web/init.sls`, `external: vault` or `command line`.'),
  environment: z.string().optional().describe('Pillar environment of a file.'),
  file: z.string().optional(),
  line: z.number().int().positive().optional(),
  value: encodedValue.describe('What it gave; secrets are sealed.'),
  secret: z.boolean().describe('Whether it is, or holds, a secret.'),
  effect: z.enum(['wins', 'adds', 'overridden']).describe('What became of it.'),
});

/** Where a value of one host comes from. */
const pillarExplanation = z.object({
  value: encodedValue.optional().describe('What came out; absent where the pillar has no such key.'),
  secret: z.boolean().describe('Whether it is, or holds, a secret.'),
  strategy: z.string().describe('How the sources were merged.'),
  origins: z.array(pillarOrigin).describe('In the order they were merged.'),
});
/** Where a value of one host comes from, and what came out. */
export type PillarExplanation = z.infer<typeof pillarExplanation>;

/** Id → encoded mapping. */
const valuesById = z.record(z.string(), encodedValue);

/** Operations on keys, hosts, their pillars and their grains. */
export const fleetOperations = {
  'keys.ls': operation({
    name: 'keys.ls',
    summary: 'List keys.',
    args: z.object({ state: minionKey.shape.state.optional().describe('Only keys in this state.') }),
    answer: z.object({ keys: z.array(minionKey) }),
  }),
  'keys.accept': operation({
    name: 'keys.accept',
    summary: 'Let pending or rejected minions in.',
    args: z.object({ ids: globs }),
    answer: changedKeys,
  }),
  'keys.reject': operation({
    name: 'keys.reject',
    summary: 'Keep pending minions out.',
    args: z.object({ ids: globs }),
    answer: changedKeys,
  }),
  'keys.delete': operation({
    name: 'keys.delete',
    summary: 'Forget keys; an accepted minion is disconnected.',
    args: z.object({ ids: globs }),
    answer: z.object({ ids: z.array(z.string()).describe('Ids whose keys were deleted.') }),
  }),
  'keys.finger': operation({
    name: 'keys.finger',
    summary: 'Answer the fingerprints of the master and of keys.',
    args: z.object({ ids: z.array(z.string()).optional().describe('Ids or globs; all when absent.') }),
    answer: z.object({ master: z.string(), keys: z.array(minionKey) }),
  }),
  'keys.join': operation({
    name: 'keys.join',
    summary: 'Answer what a minion needs to find, trust and knock at this master.',
    args: z.object({}),
    answer: z.object({
      servers: z.array(z.string()).describe('Addresses of the broker.'),
      ca: z.string().optional().describe('Certificates of the authority that signed those of the broker, in PEM.'),
      knock: z.string().optional().describe('The public credential; absent where nobody is let in one by one.'),
      credentials: z.string().optional().describe('Path of the credentials file that everybody uses instead.'),
      trustedKeys: z.array(z.string()).describe('Public keys whose jobs are to be run.'),
    }),
  }),
  'keys.token-new': operation({
    name: 'keys.token-new',
    summary: 'Make a token that lets minions join without a person accepting them.',
    args: z.object({
      name: z.string().optional().describe('Name shown beside keys that used it.'),
      ids: z.string().optional().describe('Glob of the ids it is good for; any when absent.'),
      role: z.string().max(255).optional().describe('Role of the hosts it is good for, which they have from then on.'),
      uses: z.number().int().positive().optional().describe('How many minions may use it; 1 when absent.'),
      ttlMs: z.number().positive().optional().describe('How long it is good; one hour when absent.'),
    }),
    answer: z.object({ token: z.string(), name: z.string(), expiresAt: instant }),
  }),
  'keys.token-ls': operation({
    name: 'keys.token-ls',
    summary: 'List join tokens, without their secrets.',
    args: z.object({}),
    answer: z.object({ tokens: z.array(joinToken) }),
  }),
  'keys.token-revoke': operation({
    name: 'keys.token-revoke',
    summary: 'Let nobody in by a join token any more; who came in stays.',
    args: z.object({ name: z.string().describe('Name of the token.') }),
    answer: z.object({ name: z.string() }),
  }),
  'keys.rotate': operation({
    name: 'keys.rotate',
    summary: 'Give connected minions new keys while their jobs go on.',
    args: z.object({ ids: globs }),
    answer: changedKeys.extend({
      failed: z.array(z.object({ id: z.string(), reason: z.string() })).describe('Minions that keep their keys.'),
    }),
  }),
  'nodes.ls': operation({
    name: 'nodes.ls',
    summary: 'List minions and SSH targets.',
    args: z.object({ target: targetExpression.optional().describe('Only these.') }),
    answer: z.object({ nodes: z.array(fleetNode) }),
  }),
  match: operation({
    name: 'match',
    summary: 'Answer whom a target expression selects, and why.',
    args: z.object({
      target: targetExpression,
      explain: z.boolean().optional().describe('Also say for every host why it is selected or not.'),
      transport: z.enum(['ssh']).optional().describe('`ssh`: only hosts of the roster are meant.'),
    }),
    answer: z.object({
      ids: z.array(z.string()),
      missing: z.array(z.string()).describe('Ids named in the expression that nobody has.'),
      hosts: z.array(matchedHost).optional().describe('Every host, sorted by id.'),
    }),
  }),
  'pillar.show': operation({
    name: 'pillar.show',
    summary: 'Compile and answer the pillar of targets; secrets stay sealed.',
    args: z.object({
      target: targetExpression,
      key: z.string().optional().describe('Only the value at this path: `web:port`.'),
      saltenv: z.string().optional().describe('File environment.'),
      pillarenv: z.string().optional().describe('Pillar environment.'),
      pillar: encodedValue.optional().describe('Mapping merged over the pillar, encoded.'),
    }),
    answer: z.object({ values: valuesById }),
  }),
  'pillar.explain': operation({
    name: 'pillar.explain',
    summary: 'Answer where a value of the pillars of targets comes from; secrets stay sealed.',
    args: z.object({
      target: targetExpression,
      key: z.string().describe('Path of the value: `web:port`.'),
      pillarenv: z.string().optional().describe('Pillar environment.'),
      pillar: encodedValue.optional().describe('Mapping merged over the pillar, encoded.'),
    }),
    answer: z.object({ explanations: z.record(z.string(), pillarExplanation).describe('Id → explanation.') }),
  }),
  'grains.ls': operation({
    name: 'grains.ls',
    summary: 'Answer the grains of targets as they were last gathered.',
    args: z.object({ target: targetExpression, key: z.string().optional().describe('Only the value at this path.') }),
    answer: z.object({
      values: valuesById,
      asOf: z.record(z.string(), instant).describe('When each host told them; absent for one that never did.'),
    }),
  }),
  'roster.ls': operation({
    name: 'roster.ls',
    summary: 'List the hosts of the roster.',
    args: z.object({
      refresh: z.boolean().optional().describe('Read the rosters again first: new hosts become targets.'),
      target: targetExpression.optional().describe('Only these; all of them when absent.'),
    }),
    answer: z.object({
      hosts: z.array(
        z.object({
          id: z.string(),
          host: z.string(),
          port: z.number(),
          user: z.string(),
          runsAs: z.string().describe('The user commands run as.'),
          jumps: z.array(z.string()).describe('Hosts it is reached through, nearest first.'),
          roster: z.string().describe('The kind of its roster.'),
          place: z.string().describe('Where it is written: `file:line`, or the source.'),
        }),
      ),
    }),
  }),
  'roster.test': operation({
    name: 'roster.test',
    summary: 'Log in to hosts of the roster and log out again.',
    args: z.object({ ids: globs }),
    answer: z.object({
      hosts: z.array(
        z.object({
          id: z.string(),
          ok: z.boolean(),
          detail: z.string(),
          hint: z.string().optional(),
          tookMs: z.number(),
          steps: z.array(
            z.object({
              step: z.string().describe('`resolve`, `connect`, `host-key`, `login`, `shell`, `sftp`, `sudo`.'),
              result: z.enum(['ok', 'warning', 'failed']),
              detail: z.string(),
              hint: z.string().optional(),
              tookMs: z.number(),
            }),
          ),
        }),
      ),
    }),
  }),
};
