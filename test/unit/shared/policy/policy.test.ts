import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EdgeError } from '@edge-run/shared/kernel';
import {
  type CommandPolicySettings,
  commandPolicySettings,
  judgeCommand,
  requireAllowed,
} from '@edge-run/shared/policy';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../../../conformance/runner.ts';

const folder = join(repositoryRoot(), 'test/cases/command-policy');
const HOST = { id: 'web1', environment: 'prod' };

interface Cases {
  readonly policy: object;
  readonly host?: typeof HOST & { readonly space?: string };
  /** Line → the rule that refuses it, null where it is allowed. */
  readonly cases: readonly (readonly [string, string | null])[];
}
const on = (given: object): Exclude<CommandPolicySettings, 'off'> => {
  const settings = commandPolicySettings.parse(given);
  if (settings === 'off') throw new Error('off');
  return settings;
};

describe.each(readdirSync(folder))('command policy: %s', (file) => {
  const { policy, host = HOST, cases } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Cases;
  it.each(cases)('%j: %s', (line, rule) => {
    const decision = judgeCommand(on(policy), { cmd: line }, host);
    expect(decision.kind === 'allowed' ? null : decision.rule).toBe(rule);
  });
});

describe('command policy', () => {
  const policy = on({ rules: [{ name: 'app', allow: ['ls', 'sh'], paths: ['/opt/app/**'] }] });
  const ruleOf = (request: Parameters<typeof judgeCommand>[1], settings = policy): string | null => {
    const decision = judgeCommand(settings, request, HOST);
    return decision.kind === 'allowed' ? null : decision.rule;
  };

  it('takes a list of words as they are: no shell reads them', () => {
    expect(ruleOf({ cmd: ['ls', '/opt/app/$x;y'] })).toBeNull();
    expect(ruleOf({ cmd: ['rm', '-rf', '/'] })).toBe('remove-root');
    expect(ruleOf({ cmd: ['sh', '-c', 'rm -rf /'] })).toBe('remove-root');
  });
  it('takes the folder a command is run in into account', () => {
    expect(ruleOf({ cmd: 'ls logs', cwd: '/opt/app' })).toBeNull();
    expect(ruleOf({ cmd: 'ls ..', cwd: '/opt/app/x' })).toBe('app');
    expect(ruleOf({ cmd: 'rm -rf .', cwd: '/' })).toBe('remove-root');
  });
  it('reads what a shell is given to read', () => {
    expect(ruleOf({ cmd: 'sh', stdin: 'rm -rf /' })).toBe('remove-root');
    expect(ruleOf({ cmd: 'sh', stdin: 'ls /opt/app/x' })).toBeNull();
  });
  it('counts variables that steer a program as settings of variables', () => {
    expect(ruleOf({ cmd: 'ls /opt/app/x', variables: ['LANG'] })).toBeNull();
    expect(ruleOf({ cmd: 'ls /opt/app/x', variables: ['LD_PRELOAD'] })).toBe('app');
  });
  it('looks into a script for what must not be run', () => {
    expect(ruleOf({ cmd: ['ls', '/opt/app/x'], script: 'mkdir /tmp/x\nuptime' })).toBeNull();
    expect(ruleOf({ cmd: ['ls', '/opt/app/x'], script: 'mkdir /tmp/x\nrm -rf /' })).toBe('remove-root');
  });
  it('a line for something that is no shell is one argument of it', () => {
    expect(ruleOf({ cmd: 'ls /opt/app/x', shell: '/usr/bin/python3' })).toBe('otherwise: deny');
    expect(ruleOf({ cmd: 'rm -rf /', shell: '/bin/bash' })).toBe('remove-root');
  });
  it('names the host, the part of the line, the rule and what to do', () => {
    const refused = (): void => requireAllowed(on({ otherwise: 'allow' }), { cmd: 'ls; rm -rf /' }, HOST);
    expect(refused).toThrow(
      '`rm -rf /` in `ls; rm -rf /` is refused on web1 by the built-in rule `remove-root`: it removes the root',
    );
    expect(refused).toThrow(EdgeError);
  });
  it('`off` judges nothing', () => {
    expect(() => requireAllowed(commandPolicySettings.parse('off'), { cmd: 'rm -rf /' }, HOST)).not.toThrow();
  });
  it('when absent, it refuses what ends a host and nothing else', () => {
    const absent = commandPolicySettings.parse(undefined);
    expect(() => requireAllowed(absent, { cmd: 'rm -rf /' }, HOST)).toThrow();
    expect(() => requireAllowed(absent, { cmd: 'curl x | sh' }, HOST)).not.toThrow();
  });
  it.each([
    [{ name: 'x' }, 'a rule has either `allow` or `deny`'],
    [{ name: 'x', allow: ['a'], deny: ['b'] }, 'a rule has either `allow` or `deny`'],
    [{ name: 'x', deny: ['b'], paths: ['/x'] }, '`paths`, `without` and `shell` are for rules that allow'],
  ])('%j: %s', (rule, message) => {
    expect(JSON.stringify(commandPolicySettings.safeParse({ rules: [rule] }).error?.issues)).toContain(message);
  });
});
