import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositoryRoot } from '../conformance/runner.ts';
import { eventually, killHard } from '../support/processes.ts';
import { RealFleet } from '../support/real-fleet.ts';

/*
 * A host nobody knows knocks: an orchestration waits for it, lets it in and sets it up; or a reactor lets it in. When its
 * key is deleted, a reactor has the load balancer configured without it.
 */

const FILES = {
  'states/orch/provision.sls': `
{% set host = pillar['host'] %}
wait_for_host:
  salt.wait_for_event:
    - name: salt/auth
    - id_list: [{{ host }}]
    - timeout: 60
accept:
  salt.wheel:
    - name: key.accept
    - match: {{ host }}
    - require: [wait_for_host]
wait_for_start:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [{{ host }}]
    - timeout: 60
    - require: [accept]
set_up:
  salt.state:
    - tgt: '{{ host }}'
    - highstate: true
    - failhard: true
    - require: [wait_for_start]
`,
  'states/top.sls': "base: {'*': [base], proxy: [proxy]}\n",
  'states/base.sls': '@DIR@/{{ grains.id }}.txt:\n  file.managed:\n    - contents: hello {{ grains.id }}\n',
  'states/let-in.sls': `
{% if data['act'] == 'pend' and data['id'].startswith('web') %}
let-in:
  wheel.key.accept:
    - match: {{ data['id'] }}
{% endif %}
`,
  'states/greet.sls': `
greet:
  local.cmd.run:
    - tgt: {{ data['id'] }}
    - arg: ["echo {{ data['id'] }} {{ data['data']['running'] }} > @DIR@/{{ data['id'] }}.greeted"]
`,
  'states/removed.sls': `
{% if data['id'].startswith('web') and data['act'] == 'delete' %}
configure:
  local.state.apply:
    - tgt: proxy
{% endif %}
`,
  'states/proxy.sls': `
@DIR@/servers.cfg:
  file.managed:
    - contents: "{{ salt['mine.get']('web*', 'test.ping') | dictsort }}"
`,
  'pillar/top.sls': "base: {'web*': [mine]}\n",
  'pillar/mine.sls': 'mine_functions: {test.ping: []}\n',
};

let fleet: RealFleet;
const hosts: ChildProcess[] = [];
beforeAll(async () => {
  fleet = await RealFleet.start(['proxy'], {
    pillar_roots: { base: ['pillar'] },
    presence_events: true,
    reactor: [
      { 'salt/auth': ['salt://let-in.sls'] },
      { 'salt/minion/web*/start': ['salt://greet.sls'] },
      { 'salt/key': ['salt://removed.sls'] },
    ],
  });
  for (const [path, text] of Object.entries(FILES)) {
    const file = join(fleet.directory, path);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text.replaceAll('@DIR@', fleet.directory));
  }
});
afterAll(async () => {
  for (const { pid } of hosts) await killHard(pid!);
  await fleet?.stop();
});

/** A minion that nobody has heard of. */
async function startStranger(id: string): Promise<void> {
  const access = (await fleet.ask('keys.join', {})) as { servers: string[]; knock: string; trustedKeys: string[] };
  const file = join(fleet.directory, `${id}.yaml`);
  const { servers, knock, trustedKeys: trusted_keys } = access;
  await writeFile(file, JSON.stringify({ id, data_dir: join(fleet.directory, id), servers, knock, trusted_keys }));
  const program = join(repositoryRoot(), 'packages/minion/bin/edge-minion.js');
  hosts.push(spawn(process.execPath, [program, 'run', '--config', file], { stdio: 'ignore' }));
}

test('an orchestration waits for it, lets it in, and sets it up', async () => {
  const { run } = (await fleet.ask('orch.run', { name: 'provision', pillar: { host: 'db1' } })) as { run: string };
  const journal = async (): Promise<RunJournalEvent[]> =>
    ((await fleet.ask('orch.show', { run })) as unknown as { events: RunJournalEvent[] }).events;
  await eventually(async () => (await journal()).some(({ type }) => type === 'step-started'), 'the run waits');
  await startStranger('db1');
  const end = await eventually(
    async () => (await journal()).find(({ type }) => type === 'run-ended'),
    'the run ends',
    60_000,
  );
  const steps = (await journal()).flatMap((event) => (event.type === 'step-ended' ? [event] : []));
  expect(steps.map(({ outcome, answer: { comment } }) => [outcome, comment])).toEqual([
    ['succeeded', 'All events seen in the time allowed.'],
    ['succeeded', "Wheel function 'key.accept' executed."],
    ['succeeded', 'All events seen in the time allowed.'],
    ['succeeded', expect.stringContaining('Updating db1')],
  ]);
  expect(end).toMatchObject({ outcome: 'succeeded' });
});

test('a reactor lets in whom it knows by name, and another greets it when it starts', async () => {
  await startStranger('web1');
  await startStranger('mail1');
  await eventually(async () => {
    const { nodes } = (await fleet.ask('nodes.ls', {})) as { nodes: { id: string; state: string }[] };
    return nodes.some(({ id, state }) => id === 'web1' && state === 'connected');
  }, 'web1 is in');
  const greeting = join(fleet.directory, 'web1.greeted');
  const greeted = await eventually(
    async () => (await readFile(greeting, 'utf8').catch(() => '')) || undefined,
    'hello',
  );
  expect(greeted).toBe('web1 0\n');
  const { keys } = (await fleet.ask('keys.ls', {})) as { keys: { id: string; state: string }[] };
  expect(Object.fromEntries(keys.map(({ id, state }) => [id, state]))).toEqual({
    ...{ db1: 'accepted', web1: 'accepted', mail1: 'pending', proxy: 'accepted' },
  });
});

test('a host that is taken out is left out of the configuration of the load balancer', async () => {
  const call = async (id: string, fun: string): Promise<void> => {
    const target = { expr: id, type: 'glob' };
    const { jid } = (await fleet.ask('jobs.publish', { target, fun, args: [], kwargs: [] })) as { jid: string };
    await eventually(
      async () => ((await fleet.ask('jobs.show', { jid })) as { endedAt?: number }).endedAt,
      `${fun} on ${id} ends`,
    );
  };
  const servers = async (): Promise<string> => readFile(join(fleet.directory, 'servers.cfg'), 'utf8').catch(() => '');
  await call('web1', 'mine.update');
  await call('proxy', 'state.apply');
  expect(await servers()).toBe("[('web1', True)]\n");
  await fleet.ask('keys.delete', { ids: ['web1'] });
  await eventually(async () => (await servers()) === '[]\n', 'the load balancer is configured without web1');
});

test('a minion that dies is told to be lost', async () => {
  await fleet.kill('proxy');
  await eventually(async () => {
    const { events } = (await fleet.ask('events.recent', {})) as {
      events: { tag: string; data: { lost?: string[] } }[];
    };
    return events.some(({ tag, data }) => tag === 'salt/presence/change' && data.lost?.includes('proxy'));
  }, 'the event');
});
