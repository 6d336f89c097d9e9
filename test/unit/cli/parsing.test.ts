import {
  COMMAND_GROUPS,
  createProgram,
  dispatch,
  groupsFor,
  parseDuration,
  readSince,
  readTarget,
  tagMatches,
} from '@edge-run/cli/shell';
import { describe, expect, it } from 'vitest';

const program = await createProgram('1', (command) => command);

describe('dispatch', () => {
  it.each([
    [['*', 'test.ping'], 'exec'],
    [['web1.example.com', 'test.ping'], 'exec'],
    [['-G', 'os:Debian', 'test.ping'], 'exec'],
    [['-b', '2', 'jobs', 'test.ping'], 'exec'],
    [['-o', 'json', '*', 'test.ping'], 'exec'],
    [['manage.status'], 'runner'],
    [['-o', 'json', 'state.orchestrate', 'orch.deploy'], 'runner'],
    [['jobs', 'ls'], 'jobs'],
    [['-o', 'json', 'jobs', 'ls'], '-o'],
    [['orch', 'deploy-environment', 'pillarenv=prod'], 'orch'],
  ])('%j begins with %s', (argv, first) => {
    expect(dispatch(argv, program).argv[0]).toBe(first);
  });

  it('counts the words behind -- and does not look for flags there', () => {
    expect(dispatch(['*', 'cmd.run', '--', '-G', 'a=b'], program)).toMatchObject({ literalWords: 2 });
    expect(dispatch(['*', 'cmd.run', '--', '-G'], program).argv[0]).toBe('exec');
  });

  it('names a lone word that means nothing', () => {
    expect(dispatch(['statsu'], program).unknown).toBe('statsu');
    expect(dispatch(['web1.example.com'], program).unknown).toBe('web1.example.com');
  });
});

describe('command groups', () => {
  it('list the commands under the names and summaries they have', () => {
    const listed = COMMAND_GROUPS.flatMap((group) => Object.entries(group.commands));
    const visible = program
      .createHelp()
      .visibleCommands(program)
      .filter((command) => command.name() !== 'help');
    expect(listed).toEqual(visible.map((command) => [command.name(), command.summary()]));
  });

  it.each([
    [['--help'], 0],
    [['jobs', 'ls'], 1],
    [['*', 'test.ping'], 1],
    [['-o', 'json', 'jobs', 'ls'], COMMAND_GROUPS.length],
  ])('%j loads %i', (argv, count) => {
    expect(groupsFor(argv).size).toBe(count);
  });

  it('have a summary for every command, down to the last', () => {
    const all = [...program.commands, ...program.commands.flatMap((command) => command.commands)];
    expect(all.filter((command) => command.summary() === '' && command.name() !== '__complete')).toEqual([]);
  });
});

describe('readTarget', () => {
  it.each([
    ['web*', {}, { expr: 'web*', type: 'glob' }],
    ['a,b c', { list: true }, { expr: ['a', 'b', 'c'], type: 'list' }],
    ['web\\d', { pcre: true }, { expr: 'web\\d', type: 'pcre' }],
    ['a:b', { pillarPcre: true }, { expr: 'a:b', type: 'pillar_pcre' }],
    ['a|b', { grain: true, delimiter: '|' }, { expr: 'a|b', type: 'grain', delimiter: '|' }],
    ['10.0.0.0/8', { ipcidr: true }, { expr: '10.0.0.0/8', type: 'ipcidr' }],
  ])('%s with %j', (expr, options, target) => {
    expect(readTarget(expr, options)).toEqual(target);
  });
});

describe('durations and instants', () => {
  it.each([
    ['30', 30_000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', 'soon', '5x', '-1', '1m 2'])('%j is no duration', (text) => {
    expect(() => parseDuration(text)).toThrow('no duration');
  });

  it('reads --since as a time ago or a date, and says what to write otherwise', () => {
    expect(readSince('15m', 1_000_000)).toBe(100_000);
    expect(readSince('2026-11-21T08:00Z', 0)).toBe(Date.UTC(2026, 10, 21, 8));
    expect(() => readSince('lately', 0)).toThrow('--since lately');
  });
});

describe('tagMatches', () => {
  it.each([
    ['run/*', 'run/R1/step-started', true],
    ['run/*/step-?nded', 'run/R1/step-ended', true],
    ['a.b', 'axb', false],
    ['run', 'run/R1', false],
  ])('%s over %s is %s', (glob, tag, expected) => {
    expect(tagMatches(glob, tag)).toBe(expected);
  });
});
