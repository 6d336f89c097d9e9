import { spawnSync } from 'node:child_process';
import { createJinja, dumpYaml, type Jinja, loadYaml, type RenderRequest } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import { MACROS_FILE, MAP_FILE, RUNAWAYS, sls } from './render-templates.ts';
import { compared, type Metric, plain, report } from './report.ts';

/*
 * How long templates take: an SLS of 200 ids with macros and a map file, compiled before (warm) and compiled anew with
 * a fresh engine (cold), beside Python's Jinja2 in its sandbox in the same run where there is one; the cost of the
 * smallest render; whether time grows with the number of ids; and how long runaway templates hold the event loop.
 */

const ROUNDS = 200;
const WARM_UP = 200;
const RUNAWAY_MS = 1_500;
const FILES: ReadonlyMap<string, string> = new Map([
  ['shop/map.jinja', MAP_FILE],
  ['shop/macros.jinja', MACROS_FILE],
]);
const GRAINS = { id: 'web1', os_family: 'Debian', roles: ['web', 'db'] };
const PILLAR = { shop: { port: 8080, users: { ann: { uid: 1001 }, bob: { uid: 1002 } } } };

/** What Python does with the same templates; it prints {warm, cold, text} in milliseconds. */
const PYTHON = `
import json, sys, time
import jinja2
from jinja2.sandbox import SandboxedEnvironment
job = json.load(sys.stdin)
def environment():
    env = SandboxedEnvironment(loader=jinja2.DictLoader(job["files"]), undefined=jinja2.StrictUndefined,
                               extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    env.globals.update(grains=job["grains"], pillar=job["pillar"])
    return env
def measure(work, rounds):
    samples = []
    for round in range(job["warmUp"] + rounds):
        begun = time.perf_counter()
        work()
        if round >= job["warmUp"]: samples.append(time.perf_counter() - begun)
    return min(samples) * 1000
env = environment()
template = env.from_string(job["text"])
print(json.dumps({
    "warm": measure(lambda: template.render(), job["rounds"]),
    "cold": measure(lambda: environment().from_string(job["text"]).render(), job["rounds"] // 4),
    "text": template.render(),
}))
`;

function request(text: string, extra: Partial<RenderRequest> = {}): RenderRequest {
  return {
    text,
    path: 'shop/init.sls',
    sls: 'shop',
    saltenv: 'base',
    grains: fromPlain(GRAINS) as PyMap,
    pillar: fromPlain(PILLAR) as PyMap,
    opts: new PyMap(),
    calls: {
      has: () => false,
      names: () => [],
      call: (name) => {
        throw new Error(`no function ${name}`);
      },
    },
    loader: {
      load: (name) => {
        const found = FILES.get(name);
        return Promise.resolve(found === undefined ? undefined : { text: found, path: name });
      },
    },
    ...extra,
  };
}

async function rendered(jinja: Jinja, text: string): Promise<string> {
  const { value, diagnostics } = await jinja.renderText(request(text));
  if (value === undefined) throw new Error(diagnostics[0]!.summary);
  return value.text;
}

/** The best of many rounds, in milliseconds: other work on the machine only ever adds. */
async function measure(work: () => Promise<unknown>, rounds = ROUNDS, warmUp = WARM_UP): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < warmUp + rounds; round += 1) {
    const from = performance.now();
    await work();
    if (round >= warmUp) samples.push(performance.now() - from);
  }
  return Math.min(...samples);
}

const engine = (): Jinja => createJinja({ loadYaml, dumpYaml });

/** The answer of Python, or nothing where it is not installed. */
function askPython(text: string): { warm: number; cold: number; text: string } | undefined {
  const job = {
    text,
    files: Object.fromEntries(FILES),
    grains: GRAINS,
    pillar: PILLAR,
    rounds: ROUNDS,
    warmUp: WARM_UP,
  };
  const answer = spawnSync('/usr/bin/python3', ['-c', PYTHON], { input: JSON.stringify(job), encoding: 'utf8' });
  return answer.status === 0 ? (JSON.parse(answer.stdout) as { warm: number; cold: number; text: string }) : undefined;
}

/** Longest time the event loop was kept while a template ran until its limits ended it. */
async function longestGap(jinja: Jinja, text: string): Promise<number> {
  let last = performance.now();
  let longest = 0;
  const beat = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const heart = setInterval(beat, 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await jinja.renderText(request(text, { limits: { deadlineMs: RUNAWAY_MS } }));
  beat();
  clearInterval(heart);
  return longest;
}

async function speed(): Promise<readonly Metric[]> {
  const text = sls(200);
  const jinja = engine();
  const ours = await rendered(jinja, text);
  const warm = await measure(() => rendered(jinja, text));
  const cold = await measure(() => rendered(engine(), text), ROUNDS / 4);
  const python = askPython(text);
  if (python === undefined) return [plain('200 ids, warm', warm, 'ms'), plain('200 ids, cold', cold, 'ms')];
  if (python.text.trimEnd() !== ours.trimEnd()) throw new Error('Jinja2 renders another text');
  const theirs = [
    plain('Jinja2: 200 ids, warm', python.warm, 'ms'),
    plain('Jinja2: 200 ids, cold', python.cold, 'ms'),
  ] as const;
  return [
    ...theirs,
    compared('200 ids, warm', warm, 'ms', theirs[0], 1 / 3),
    compared('200 ids, cold', cold, 'ms', theirs[1], 1),
  ];
}

async function growth(): Promise<readonly Metric[]> {
  const jinja = engine();
  const fixed = await measure(() => rendered(jinja, 'text\n'), 500);
  const perId = async (count: number): Promise<number> => {
    const text = sls(count);
    return ((await measure(() => rendered(jinja, text), 10, 10)) / count) * 1_000;
  };
  const some = plain('per id of 1000', await perId(1_000), 'us');
  const many = compared('per id of 10000', await perId(10_000), 'us', some, 2);
  return [limited('fixed cost of a render', fixed, 1), some, many];
}

function limited(name: string, value: number, goal: number): Metric {
  return { ...plain(name, value, 'ms'), goal, met: value <= goal };
}

const gaps: Metric[] = [];
for (const [name, text] of RUNAWAYS)
  gaps.push(limited(`heartbeat gap: ${name}`, await longestGap(engine(), text), 100));
report('render', [...(await speed()), ...(await growth()), ...gaps], process.argv.slice(2));
