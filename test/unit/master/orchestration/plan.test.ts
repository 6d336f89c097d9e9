import { readdir } from 'node:fs/promises';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import { type OrchPlan, orchPlanMoves, orchPlanOf } from '@edge-run/shared/view';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalOrchestra } from '../../../support/local-orchestra.ts';

const FILES = {
  'salt/top.sls': 'base:\n  "*": []\n',
  'pillar/top.sls': 'base:\n  "*": [shop]\n',
  'pillar/shop.sls': "count: {{ salt['cmd.run_stdout']('echo 3') }}\n",
  'salt/marker.sls':
    'marker:\n  file.managed:\n    - name: @TMP@/made/{{ grains.id }}\n    - contents: hello\n    - makedirs: True\n',
  'salt/command.sls': 'touch @TMP@/command:\n  cmd.run: []\n',
  'salt/orch/outer.sls': `
look:
  salt.function:
    - name: test.echo
    - tgt: web1
    - arg: [hello]
    - register: look
inner:
  salt.runner:
    - name: state.orchestrate
    - mods: orch.inner
hand-on:
  salt.function:
    - name: cmd.run
    - tgt: web1
    - arg: ["touch @TMP@/late-{{ steps.look.only }}"]
slot:
  file.managed:
    - name: @TMP@/slot
    - contents: __slot__:salt:cmd.run("touch @TMP@/slotted")
own-file:
  file.managed:
    - name: @TMP@/own
    - contents: mine
tell:
  event.send:
    - name: plan/told
wait:
  salt.wait_for_event:
    - name: never
    - id_list: [web9]
wheel:
  salt.wheel:
    - name: key.delete
    - match: web1
mend:
  salt.function:
    - name: test.ping
    - tgt: web1
    - onfail:
      - event: tell
`,
  'salt/orch/inner.sls': `
first:
  salt.state:
    - tgt: 'web*'
    - sls: marker
    - undo:
        salt.function:
          - name: cmd.run
          - tgt: 'web*'
          - arg: ['rm -r @TMP@/made']
second:
  salt.state:
    - tgt: web1
    - sls: command
`,
  'salt/orch/nobody.sls':
    'nobody:\n  salt.function:\n    - name: test.ping\n    - tgt: "G@role:none"\n    - tgt_type: compound\n',
  'salt/orch/map.jinja': "{% macro up(host) %}{{ salt.saltutil.cmd('web*', 'test.ping') | length }}{% endmacro %}\n",
  'salt/orch/asks.sls': `
{% from 'orch/map.jinja' import up with context %}
{% set own = salt['pillar.get']('shop', 'none') ~ salt['grains.get']('os') %}
{% set found = salt['mine.get']('*', 'network.ip_addrs') %}
{% set said = salt['cmd.run']('touch @TMP@/said-' ~ pillar.get('count', 0)) %}
all:
  test.nop:
    - name: "{{ up('x') }} of {{ own }}"
`,
  'salt/orch/acts.sls': "{% set _ = 1 %}\n{% do salt['file.touch']('@TMP@/touched') %}\nall: test.nop\n",
  'salt/orch/posts.sls': "{% do salt['http.query']('http://127.0.0.1:1/x', method='POST') %}\nall: test.nop\n",
  'salt/orch/restarts.sls':
    "{% do salt['saltutil.cmd']('web1', 'file.touch', arg=['@TMP@/touched']) %}\nall: test.nop\n",
  'salt/orch/looks.sls':
    "{% set up = salt.saltutil.runner('manage.up') %}\nall:\n  test.nop:\n    - name: up {{ up | length }}\n",
  'salt/orch/sends.sls': "{% do salt.saltutil.runner('event.send', arg=['a/b']) %}\nall: test.nop\n",
  'salt/orch/itself.sls': 'again:\n  salt.runner:\n    - name: state.orchestrate\n    - mods: orch.itself\n',
};

let orchestra: LocalOrchestra;
beforeAll(async () => {
  orchestra = await LocalOrchestra.start({
    files: FILES,
    master: 'master',
    grains: { os: 'Debian', os_family: 'Debian', kernel: 'Linux' },
    minions: { web1: {}, web2: {} },
  });
});
afterAll(() => orchestra?.dispose());

async function plan(mods: string): Promise<OrchPlan> {
  const kwargs = fromPlain({ mods, test: true }) as PyMap;
  await orchestra.call('state.orchestrate', [], new Map([...kwargs].map(([key, value]) => [String(key), value])));
  const journals = new Map<string, RunJournalEvent[]>();
  for (const { run } of await orchestra.journal.latest())
    journals.set(
      run,
      (await orchestra.journal.read(run)).flatMap(({ events }) => events),
    );
  const outer = [...journals.values()].filter(([first]) => first?.type === 'run-planned' && first.name === mods);
  const ofOutermost = outer.filter(([first]) => first?.type === 'run-planned' && first.by === 'test');
  return orchPlanOf(ofOutermost.at(-1)!, journals)!;
}

describe('a plan', () => {
  it('lists what its templates called to render it, with place, hosts and what is known of the effect', async () => {
    const { rendering } = await plan('orch.asks');
    expect(rendering).toMatchObject([
      { by: 'pillar', to: 'master', fun: 'cmd.run_stdout', args: ['echo 3'], effect: 'unknown', place: { line: 1 } },
      {
        by: 'orchestration',
        to: 'master',
        fun: 'mine.get',
        effect: 'nothing',
        place: { file: 'orch/asks.sls', line: 4 },
      },
      { to: 'master', fun: 'cmd.shell', effect: 'unknown', place: { file: 'orch/asks.sls', line: 5 } },
      {
        ...{ to: 'hosts', fun: 'test.ping', effect: 'nothing', place: { file: 'orch/map.jinja', line: 1 } },
        ...{ target: { expr: 'web*', type: 'glob' }, hosts: ['web1', 'web2'] },
      },
    ]);
  });

  it('is made where a template calls a runner that only looks', async () => {
    const { rendering, steps } = await plan('orch.looks');
    expect(rendering?.at(-1)).toMatchObject({ fun: 'saltutil.runner', args: ['manage.up'], effect: 'nothing' });
    expect(steps).toHaveLength(1);
  });

  it.each(['orch.acts', 'orch.posts', 'orch.restarts', 'orch.sends'])(
    'is refused where a template would act: %s',
    async (mods) => {
      const before = (await readdir(orchestra.dir)).sort();
      await expect(plan(mods)).rejects.toMatchObject({
        diagnostics: [{ summary: expect.stringContaining('would change something while the orchestration renders') }],
      });
      expect((await readdir(orchestra.dir)).sort()).toEqual(before);
    },
  );

  it('foresees every step, and nothing has been done', async () => {
    const before = (await readdir(orchestra.dir)).sort();
    const { steps, counts } = await plan('orch.outer');
    const verdicts = Object.fromEntries(steps.map(({ id, verdict }) => [id, verdict]));
    expect(verdicts).toEqual({
      look: 'nothing',
      'hand-on': 'unknown',
      inner: 'unknown',
      slot: 'unknown',
      'own-file': 'changes',
      tell: 'changes',
      wait: 'nothing',
      wheel: 'changes',
      mend: 'skipped',
    });
    expect(counts.steps).toEqual({ nothing: 2, changes: 4, unknown: 3, fails: 0, skipped: 1 });
    expect((await readdir(orchestra.dir)).sort()).toEqual(before);
    expect(orchestra.events.sent.map(({ tag }) => tag)).not.toContain('plan/told');
  });

  it('shows values that come only with earlier steps as they are written', async () => {
    const { steps } = await plan('orch.outer');
    const [call] = steps.find(({ id }) => id === 'hand-on')!.calls;
    expect(call).toMatchObject({
      fun: 'cmd.run',
      hosts: ['web1'],
      args: [`touch ${orchestra.dir}/late-{{ steps.look.only }}`],
    });
    expect(steps.find(({ id }) => id === 'slot')!.why).toContain('__slot__:salt:cmd.run');
  });

  it('holds the plans of nested orchestrations: the changes of each host, what undoes them, what is in doubt', async () => {
    const { steps } = await plan('orch.outer');
    const [inner] = steps.find(({ id }) => id === 'inner')!.nested;
    const [first, second] = inner!.steps;
    expect(first).toMatchObject({ verdict: 'changes', undo: ['salt.function cmd.run'] });
    expect(first!.states.flatMap(({ hosts }) => hosts)).toEqual(['web1', 'web2']);
    expect(second).toMatchObject({ verdict: 'unknown', why: expect.stringContaining('first would act on web1') });
  });

  it('says when a step runs only after a failure, and what it would wait for', async () => {
    const { steps } = await plan('orch.outer');
    expect(steps.find(({ id }) => id === 'mend')!.onlyIf).toEqual({ requisite: 'onfail', steps: ['tell'] });
    expect(steps.find(({ id }) => id === 'wait')!.waitsFor).toBe('event never of web9, at most 300 s');
  });

  it('fails where a target selects nobody', async () => {
    const { steps } = await plan('orch.nobody');
    expect(steps[0]).toMatchObject({ verdict: 'fails', comment: 'nothing matches G@role:none (compound)' });
  });

  it('of an orchestration that runs itself ends', async () => {
    const { steps } = await plan('orch.itself');
    expect(steps[0]!.verdict).toBe('unknown');
  });

  it('made again of the same has not moved, and of something else says what has', async () => {
    const [one, two] = [await plan('orch.outer'), await plan('orch.outer')];
    expect(orchPlanMoves(one, two)).toEqual([]);
    const [step, ...others] = two.steps;
    const [call] = step!.calls;
    const moved = { ...step!, calls: [{ ...call!, hosts: ['web2'] }] };
    expect(orchPlanMoves(one, { ...two, steps: [moved, ...others.slice(1)] })).toEqual([
      'step inner is gone',
      'step look: would reach also web2',
      'step look: would not reach any more web1',
    ]);
  });
});
