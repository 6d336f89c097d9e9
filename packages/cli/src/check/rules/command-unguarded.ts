import { finding, type Rule } from './rule.ts';

/** Words and arguments that say when a command is not needed. */
const GUARDS = [
  'unless',
  'onlyif',
  'creates',
  'onchanges',
  'onchanges_any',
  'onfail',
  'onfail_any',
  'onfail_all',
  'prereq',
  'stateful',
];

/** `cmd.run` and `cmd.script` that run every time a host is brought to its states. */
export const commandUnguarded: Rule = {
  code: 'EDGE_COMMAND_UNGUARDED',
  severity: 'warning',
  units: ['highstate', 'sls'],
  find: (unit) =>
    unit.chunks
      .filter(({ state, fun, low, requisites }) => {
        if (state !== 'cmd' || !['run', 'script'].includes(fun)) return false;
        // `onchanges_in` of another state has become a requisite by now.
        const called = requisites.some(({ kind }) => ['onchanges', 'onfail', 'prereq'].includes(kind));
        return !called && !GUARDS.some((guard) => low.has(guard));
      })
      .map((chunk) =>
        finding(
          `\`${chunk.id}\` runs its command every time`,
          'say when it is not needed: `creates`, `unless`, `onlyif` or `onchanges`',
          chunk.place,
        ),
      ),
};
