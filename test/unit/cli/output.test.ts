import {
  formatAge,
  formatDuration,
  formatInline,
  formatValue,
  plainJson,
  plainStyle,
  renderError,
  renderRunTree,
  renderStates,
  renderTable,
  truncate,
  visibleWidth,
} from '@edge-run/cli/output';
import { DiagnosticsError, EdgeError, fromErrorRecord, type JsonValue, toErrorRecord } from '@edge-run/shared/kernel';
import { foldRun, readStateReturns, unknownRun } from '@edge-run/shared/view';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('renderTable', () => {
  const columns = [
    { name: 'id', value: (row: { id: string; count: number }) => row.id },
    { name: 'count', value: (row: { id: string; count: number }) => String(row.count), align: 'right' as const },
  ];

  it('fits the width of a terminal, by cutting the widest columns', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 80 })),
        fc.integer({ min: 20, max: 60 }),
        (ids, width) => {
          const rows = ids.map((id, count) => ({ id, count }));
          const lines = renderTable(columns, rows, { width, style: plainStyle }).trimEnd().split('\n');
          expect(lines).toHaveLength(rows.length + 1);
          for (const line of lines) expect(visibleWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  it('cuts nothing where there is no terminal', () => {
    const id = 'x'.repeat(300);
    expect(renderTable(columns, [{ id, count: 5 }], { width: undefined, style: plainStyle })).toContain(`${id}      5`);
  });

  it('truncates to the width exactly', () => {
    expect([truncate('abcdef', 4), truncate('日本語', 5), truncate('abc', 3)]).toEqual(['abc…', '日本…', 'abc']);
  });
});

describe('values', () => {
  it('are shown as Salt users know them', () => {
    const value = {
      on: true,
      port: 80,
      load: { $float: '1.0' },
      none: null,
      ids: ['a', { b: 1 }],
      empty: {},
      set: { $set: [1] },
    };
    expect(formatValue(value).join('\n')).toMatchInlineSnapshot(`
      "on: True
      port: 80
      load: 1.0
      none: None
      ids:
        - a
        - b: 1
      empty: {}
      set:
        - 1"
    `);
    expect(formatInline(['a', 1])).toBe('["a",1]');
  });

  it('lose their encoding for programs', () => {
    expect(plainJson({ f: { $float: '1.5' }, t: { $tuple: [1, 2] }, m: { $map: [['628', 'x']] } })).toEqual({
      f: 1.5,
      t: [1, 2],
      m: { '628': 'x' },
    });
  });

  it('cannot carry escape sequences to the terminal', () => {
    expect(formatValue('a\u001b[31mb\nc')).toEqual(['a\\x1b[31mb', 'c']);
  });
});

describe('renderStates', () => {
  const view = readStateReturns({
    'pkg_|-nginx_|-nginx_|-installed': {
      result: true,
      changes: {},
      comment: 'there',
      __run_num__: 0,
      __sls__: 'web',
      duration: 3,
    },
    'service_|-nginx_|-nginx_|-running': {
      result: false,
      changes: {},
      comment: 'unit failed\nsee journal',
      __run_num__: 1,
      __sls__: 'web',
    },
    'file_|-conf_|-/etc/nginx.conf_|-managed': {
      result: true,
      changes: { diff: '@@ -1 +1 @@\n-a\n+b\n', mode: { old: '0600', new: '0644' } },
      comment: 'updated',
      __run_num__: 2,
      __sls__: 'web',
    },
    'cmd_|-reload_|-nginx -s reload_|-run': { result: null, changes: {}, comment: 'would run', __run_num__: 3 },
  })!;

  it('shows changes, then failures, then counts, and leaves out what is as it should be', () => {
    expect(renderStates(view, plainStyle, 'changes').join('\n')).toMatchInlineSnapshot(`
      "~ file.managed /etc/nginx.conf (conf)  changed       web
          @@ -1 +1 @@
          -a
          +b
          mode: 0600 -> 0644
      ? cmd.run nginx -s reload (reload)  effect unknown
          would run
      ✗ service.running nginx                              web
          unit failed
          see journal
      4 states: 1 changed, 1 unknown, 1 unchanged, 1 failed"
    `);
  });

  it('shows everything when asked', () => {
    expect(renderStates(view, plainStyle, 'full').join('\n')).toMatch(/^✓ pkg.installed nginx +web +0.0 s$/m);
  });

  it('shows failures and counts alone when asked to be quiet', () => {
    expect(renderStates(view, plainStyle, 'summary').map((line) => line.trimEnd())).toEqual([
      '✗ service.running nginx   web',
      '    unit failed',
      '    see journal',
      '4 states: 1 changed, 1 unknown, 1 unchanged, 1 failed',
    ]);
  });

  const cause = { requisite: 'watch', state: 'file', id: 'conf' };
  const returns = (states: readonly (readonly [key: string, notes: object, rest?: object])[]): JsonValue =>
    Object.fromEntries(
      states.map(([key, notes, rest], index) => [
        key,
        { result: null, changes: {}, comment: 'said', __run_num__: index, __sls__: 'web', __edge__: notes, ...rest },
      ]),
    ) as JsonValue;
  const planned = returns([
    [
      'file_|-conf_|-/etc/nginx.conf_|-managed',
      { place: 'web.sls:2', verb: 'change' },
      { changes: { diff: '-a\n+b\n' } },
    ],
    [
      'file_|-key_|-/etc/tls.key_|-managed',
      { place: 'web.sls:6', verb: 'add' },
      { changes: { diff: '[secret]', mode: '0600' } },
    ],
    [
      'service_|-nginx_|-nginx_|-running',
      { place: 'web.sls:9', verb: 'reload', because: [cause] },
      { changes: { nginx: true } },
    ],
    [
      'pkg_|-apache2_|-apache2_|-removed',
      { place: 'web.sls:20', verb: 'remove' },
      { changes: { apache2: { old: '2.4', new: '' } } },
    ],
    ['cmd_|-hook_|-./hook.sh_|-run', { place: 'web.sls:24', verb: 'run' }],
    ['cmd_|-kept_|-./kept.sh_|-run', { place: 'web.sls:26', verb: 'run', guards: ['unless is false: test -e /x'] }],
    [
      'cmd_|-skip_|-./skip.sh_|-run',
      { place: 'web.sls:30', guards: ['creates is there: /y'], isSkipped: true },
      { result: true },
    ],
    [
      'service_|-app_|-app_|-running',
      { place: 'web.sls:34', depends: [{ ...cause, state: 'cmd', id: 'hook' }] },
      { result: true },
    ],
    ['git_|-src_|-git@x_|-latest', { place: 'web.sls:40', verb: 'change' }, { comment: 'a fetch would tell' }],
    ['pkg_|-vim_|-vim_|-installed', { place: 'web.sls:44' }, { result: true }],
    ['user_|-bob_|-bob_|-present', { place: 'web.sls:48' }, { result: false, comment: 'no such shell' }],
  ]);

  it('says of a plan what would happen, where that stands, and why', () => {
    expect(renderStates(readStateReturns(planned)!, plainStyle, 'plan').join('\n')).toMatchInlineSnapshot(`
      "~ file.managed /etc/nginx.conf (conf)  would change                        web.sls:2
          -a
          +b
      + file.managed /etc/tls.key (key)  would be added  (secret changed, not shown)   web.sls:6
          mode: 0600
      ! service.running nginx  would reload because file: conf changes (watch)   web.sls:9
      - pkg.removed apache2  would be removed                                    web.sls:20
          apache2: 2.4 -> (none)
      ? cmd.run ./hook.sh (hook)  effect unknown: cmd.run cannot plan; add \`creates:\`, \`unless:\` or \`onlyif:\`   web.sls:24
      ? cmd.run ./kept.sh (kept)  would run, effect unknown: unless is false: test -e /x   web.sls:26
      · cmd.run ./skip.sh (skip)  skipped: creates is there: /y                  web.sls:30
      ? service.running app  may act: depends on cmd: hook (watch), whose effect is unknown   web.sls:34
      ? git.latest git@x (src)  effect unknown                                   web.sls:40
          a fetch would tell
      ✗ user.present bob  would fail                                             web.sls:48
          no such shell
      11 states: 1 to add, 2 to change, 1 to remove, 4 unknown, 2 unchanged, 1 failed"
    `);
  });

  it('says afterwards what happened, and why', () => {
    const ended = returns([
      [
        'file_|-key_|-/etc/tls.key_|-managed',
        { place: 'web.sls:6', verb: 'add' },
        { result: true, changes: { diff: 'New file' } },
      ],
      [
        'service_|-nginx_|-nginx_|-running',
        { place: 'web.sls:9', verb: 'restart', because: [cause] },
        { result: true, changes: { nginx: true } },
      ],
      [
        'pkg_|-apache2_|-apache2_|-removed',
        { place: 'web.sls:20', verb: 'remove' },
        { result: true, changes: { apache2: { old: '2.4', new: '' } } },
      ],
      [
        'cmd_|-skip_|-./skip.sh_|-run',
        { place: 'web.sls:30', guards: ['creates is there: /y'], isSkipped: true },
        { result: true },
      ],
      ['user_|-bob_|-bob_|-present', { place: 'web.sls:48' }, { result: false, comment: 'no such shell' }],
    ]);
    expect(renderStates(readStateReturns(ended)!, plainStyle, 'changes').join('\n')).toMatchInlineSnapshot(`
      "+ file.managed /etc/tls.key (key)  added                                web.sls:6
          New file
      ~ service.running nginx  restarted because file: conf changed (watch)   web.sls:9
      - pkg.removed apache2  removed                                          web.sls:20
          apache2: 2.4 -> (none)
      ✗ user.present bob                                                      web.sls:48
          no such shell
      5 states: 1 added, 1 changed, 1 removed, 1 unchanged, 1 failed"
    `);
  });
});

describe('renderRunTree', () => {
  const run = foldRun(unknownRun('01K9'), {
    run: '01K9',
    at: 0,
    type: 'run-planned',
    name: 'deploy',
    by: 'user:me',
    inputs: { pillarenv: 'prod' },
    plan: null,
    steps: ['build', 'web-tier', 'smoke'].map((id) => ({ key: id, id, name: id, kind: 'salt.state', sls: 'orch' })),
  });
  const base = { run: '01K9', step: 'web-tier' };
  const view = [
    { ...base, at: 1000, type: 'step-started', attempt: 1, mode: 'run' } as const,
    ...['web1', 'web2', 'web3', 'db1'].map(
      (host, index) =>
        ({
          ...base,
          at: 2000,
          type: 'step-progress',
          host,
          phase: 'health',
          detail: index < 3 ? '2/3' : '3/3',
        }) as const,
    ),
  ].reduce(foldRun, run);

  it('groups hosts with the same news and fits the width', () => {
    const lines = renderRunTree(view, { now: 13_400, width: 72, style: plainStyle });
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "run 01K9  deploy  pillarenv=prod  by user:me
      · build          salt.state
      ▶ web-tier       salt.state                                       12.4 s
        ▶ web[1-3]     health 2/3                                       11.4 s
        ▶ db1          health 3/3                                       11.4 s
      · smoke          salt.state
      ─ 0/3 steps  0/4 targets  0 failed   13.4 s"
    `);
    for (const line of lines) expect(visibleWidth(line)).toBeLessThanOrEqual(72);
  });
});

describe('renderRunTree on a low terminal', () => {
  const statuses = fc.array(
    fc.constantFrom('waiting' as const, 'running' as const, 'succeeded' as const, 'failed' as const),
    { maxLength: 60 },
  );

  it('never takes more lines than there are, and keeps the title and the counts', () => {
    fc.assert(
      fc.property(statuses, fc.integer({ min: 4, max: 40 }), (all, height) => {
        const steps = all.map((status, index) => ({
          key: `${index}`,
          id: `step${index}`,
          name: '',
          kind: '',
          sls: '',
          status,
          attempt: 1,
          modes: [],
          hosts: {},
        }));
        const lines = renderRunTree({ ...unknownRun('R1'), steps }, { now: 0, width: 60, height, style: plainStyle });
        expect(lines.length).toBeLessThanOrEqual(height);
        expect(lines[0]).toBe('run R1');
        expect(lines.at(-1)).toContain(`/${all.length} steps`);
      }),
    );
  });

  it('counts what is over and what waits before it hides what runs', () => {
    const steps = Array.from({ length: 30 }, (_, index) => ({
      ...{ key: `${index}`, id: `step${index}`, name: '', kind: '', sls: '', attempt: 1, modes: [], hosts: {} },
      status: index < 12 ? ('succeeded' as const) : index === 12 ? ('running' as const) : ('waiting' as const),
    }));
    const lines = renderRunTree({ ...unknownRun('R1'), steps }, { now: 0, width: 60, height: 10, style: plainStyle });
    expect(lines.map((line) => line.trim())).toEqual([
      'run R1',
      '✓ 12 steps done',
      '▶ step12',
      '· 17 steps waiting',
      '─ 12/30 steps  0 failed',
    ]);
  });
});

describe('renderError', () => {
  const diagnostics = new DiagnosticsError([
    {
      severity: 'error',
      code: 'EDGE_UNKNOWN_ARGUMENT',
      summary: 'unknown argument `mod`',
      detail: 'did you mean `mode`?',
      source: { file: 'nginx/init.sls', line: 16, column: 7, endColumn: 10, text: '    - mod: "0644"' },
    },
    { severity: 'warning', code: 'EDGE_NUMBER_FOR_TEXT', summary: 'number for text', detail: '' },
  ]);

  it('shows every diagnostic with its place, also after a trip over the bus', () => {
    const text = renderError(diagnostics, plainStyle, 'edge-run check');
    expect(text).toMatchInlineSnapshot(`
      "error[EDGE_UNKNOWN_ARGUMENT]: unknown argument \`mod\`
         --> nginx/init.sls:16:7
      16 |     - mod: "0644"
         |       ^^^
         = help: did you mean \`mode\`?
      warning[EDGE_NUMBER_FOR_TEXT]: number for text
      1 error, 1 warning
        next: edge-run check
      "
    `);
    const travelled = fromErrorRecord(JSON.parse(JSON.stringify(toErrorRecord(diagnostics))));
    expect(renderError(travelled, plainStyle, 'edge-run check')).toBe(text);
  });

  it('always ends with a command to type', () => {
    expect(renderError(new EdgeError('EDGE_DEADLINE', 'late'), plainStyle, 'edge-run jobs --help')).toContain(
      'edge-run jobs --help',
    );
    expect(renderError(new TypeError('boom'), plainStyle, 'edge-run --help')).toContain('EDGE_INTERNAL');
  });
});

describe('times', () => {
  it.each([
    [300, '0.3 s'],
    [59_940, '59.9 s'],
    [72_000, '1m 12s'],
    [7_500_000, '2h 05m'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('rounds ages down to their largest unit', () => {
    expect([5000, 240_000, 7_000_000, 200_000_000].map(formatAge)).toEqual(['5s', '4m', '1h', '2d']);
  });
});
