import { commandsOf } from './commands.ts';
import { finding, type Rule } from './rule.ts';

const SLEEP = /(?:^|[;&|(]|\bdo\b|\bthen\b)\s*sleep\s+[\d.]+[smhd]?/;

/** Commands and steps that wait for a length of time. */
export const commandSleeps: Rule = {
  code: 'EDGE_COMMAND_SLEEPS',
  severity: 'warning',
  units: ['highstate', 'sls', 'orchestration'],
  find: (unit) =>
    unit.chunks.flatMap((chunk) => {
      const sleeps = commandsOf(unit, chunk).find(({ text }) => SLEEP.test(text));
      const called = `${chunk.state}.${chunk.fun}` === 'salt.function' && chunk.name === 'test.sleep';
      if (sleeps === undefined && !called) return [];
      const instead =
        unit.kind === 'orchestration'
          ? 'wait for what it needs: `http.wait_for_successful_query`, `salt.wait_for_event`, or `retry` with `until`'
          : 'wait for what it needs: `http.wait_for_successful_query`, or `retry` with `until` on the state that checks it';
      return [finding(`\`${chunk.id}\` sleeps`, instead, sleeps?.source ?? chunk.place)];
    }),
};
