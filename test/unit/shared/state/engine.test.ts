import {
  buildGraph,
  type Chunk,
  createRun,
  decide,
  decodeFact,
  decodePlan,
  encodeFact,
  encodePlan,
  evolve,
  type Plan,
  type Requisite,
  type RequisiteKind,
  type RunFact,
  type RunState,
  resultsOf,
  resumeRun,
  type StateReturn,
} from '@edge-run/shared/state';
import { encodeValue, PyMap } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const CHANGED = new PyMap([['x', 'changed']]);

function answer(result: boolean | null, hasChanged = false): StateReturn {
  return { result, changes: hasChanged ? CHANGED : new PyMap(), comment: '' };
}

function chunk(id: string, requisites: readonly Requisite[] = [], options: Partial<Chunk['options']> = {}): Chunk {
  return {
    key: id,
    state: 'test',
    fun: 'nop',
    id,
    name: id,
    sls: 'a',
    env: 'base',
    order: 0,
    args: new PyMap([['name', id]]),
    low: new PyMap([['name', id]]),
    requisites,
    guards: {},
    options: { parallel: false, ...options },
  };
}

function on(kind: RequisiteKind, ...targets: readonly string[]): Requisite {
  return { kind, quantifier: kind === 'onfail' || kind === 'listen' ? 'any' : 'all', targets };
}

/** Drives a run to its end; `pick` chooses which of the started steps ends next. */
function drive(
  start: RunState,
  outcome: (step: string, mode: string) => StateReturn,
  pick: (count: number) => number = () => 0,
): { readonly run: RunState; readonly facts: readonly RunFact[]; readonly succeeded: boolean } {
  let run = start;
  const facts: RunFact[] = [];
  const take = (fact: RunFact): void => {
    facts.push(fact);
    run = evolve(run, fact);
  };
  for (let rounds = 0; rounds < 100_000; rounds += 1) {
    const actions = decide(run);
    let acted = false;
    for (const action of actions) {
      if (action.kind === 'end-run') return { run, facts, succeeded: action.succeeded };
      acted = true;
      const at = facts.length;
      if (action.kind === 'skip-step') take({ type: 'step-skipped', step: action.step, at, answer: action.answer });
      else take({ type: 'step-started', step: action.step, mode: action.mode, at });
    }
    const active = resumeRun(run);
    if (!acted && active.length === 0) throw new Error('stuck');
    if (active.length === 0) continue;
    const { step, mode } = active[pick(active.length) % active.length]!;
    take({ type: 'step-ended', step, mode, at: facts.length, answer: outcome(step, mode), durationMs: 1 });
  }
  throw new Error('endless');
}

function order(plan: Plan, outcome: (step: string, mode: string) => StateReturn): readonly string[] {
  return drive(createRun(plan), outcome).facts.flatMap((fact) =>
    fact.type === 'step-ended' ? [] : [`${fact.type === 'step-started' ? fact.mode : 'skip'} ${fact.step}`],
  );
}

describe('decide', () => {
  test('sequential states run one at a time in compiled order', () => {
    const plan = { chunks: [chunk('a'), chunk('b')] };
    expect(decide(createRun(plan))).toEqual([{ kind: 'start-step', step: 'a', mode: 'run' }]);
    expect(order(plan, () => answer(true))).toEqual(['run a', 'run b']);
  });

  test('parallel states start together, and only what requires them waits', () => {
    const parallel = { parallel: true };
    const plan = {
      chunks: [
        chunk('p', [], parallel),
        chunk('q', [on('require', 'p')], parallel),
        chunk('free'),
        chunk('after', [on('require', 'q')]),
      ],
    };
    const started = decide(createRun(plan)).map((action) => ('step' in action ? action.step : ''));
    expect(started).toEqual(['p', 'free']);
    expect(order(plan, () => answer(true))).toEqual(['run p', 'run free', 'run q', 'run after']);
  });

  test('a parallel state does not start before its turn', () => {
    const plan = { chunks: [chunk('a'), chunk('p', [], { parallel: true })] };
    expect(decide(createRun(plan))).toEqual([{ kind: 'start-step', step: 'a', mode: 'run' }]);
  });

  test('prereq: the target is foreseen, then the state runs, then the target', () => {
    const plan = { chunks: [chunk('pre', [on('prereq', 'tgt')]), chunk('tgt')] };
    const changing = (_step: string, mode: string): StateReturn => answer(mode === 'foresee' ? null : true, true);
    expect(order(plan, changing)).toEqual(['foresee tgt', 'run pre', 'run tgt']);
    expect(order(plan, () => answer(true))).toEqual(['foresee tgt', 'skip pre', 'run tgt']);
  });

  test('prereq: a failed state keeps its target from running, and is named', () => {
    const plan = { chunks: [chunk('pre', [on('prereq', 'tgt')]), chunk('tgt')] };
    const { run } = drive(createRun(plan), (_step, mode) => (mode === 'foresee' ? answer(null, true) : answer(false)));
    expect(resultsOf(run).map(({ key, answer: { result, comment } }) => [key, result, comment])).toEqual([
      ['pre', false, ''],
      ['tgt', false, 'One or more requisite failed: a.pre'],
    ]);
  });

  test('prereq: a target that requires the state itself is foreseen without it', () => {
    const plan = { chunks: [chunk('tgt', [on('require', 'pre')]), chunk('pre', [on('prereq', 'tgt')])] };
    const changing = (_step: string, mode: string): StateReturn => answer(mode === 'foresee' ? null : true, true);
    expect(order(plan, changing)).toEqual(['foresee tgt', 'run pre', 'run tgt']);
  });

  test('prereq: of two targets that require each other both are foreseen first', () => {
    const plan = {
      chunks: [chunk('pre', [on('prereq', 'file', 'dir')]), chunk('dir'), chunk('file', [on('require', 'dir')])],
    };
    const changing = (_step: string, mode: string): StateReturn => answer(mode === 'foresee' ? null : true, true);
    expect(order(plan, changing)).toEqual(['foresee dir', 'foresee file', 'run pre', 'run dir', 'run file']);
  });

  test('failhard ends the run: nothing starts, listeners neither, what runs may end', () => {
    const plan = {
      chunks: [
        chunk('p', [], { parallel: true }),
        chunk('bad', [], { failhard: true }),
        chunk('next'),
        chunk('l', [on('listen', 'bad')]),
      ],
    };
    let run = createRun(plan);
    for (const step of ['p', 'bad']) run = evolve(run, { type: 'step-started', step, mode: 'run', at: 0 });
    run = evolve(run, {
      type: 'step-ended',
      step: 'bad',
      mode: 'run',
      at: 1,
      answer: answer(false, true),
      durationMs: 1,
    });
    expect(decide(run)).toEqual([]);
    run = evolve(run, { type: 'step-ended', step: 'p', mode: 'run', at: 2, answer: answer(true), durationMs: 1 });
    expect(decide(run)).toEqual([{ kind: 'end-run', succeeded: false }]);
  });

  test('failhard: a state may opt out, and test mode never stops', () => {
    const plan = { chunks: [chunk('bad', [], { failhard: false }), chunk('next')] };
    expect(drive(createRun(plan, { failhard: true }), () => answer(false)).facts).toHaveLength(4);
    const strict = { chunks: [chunk('bad', [], { failhard: true }), chunk('next')] };
    expect(drive(createRun(strict, { testing: true }), () => answer(false)).facts).toHaveLength(4);
  });

  test('watch: a change asks for a reaction', () => {
    const plan = { chunks: [chunk('a'), chunk('w', [on('watch', 'a')])] };
    expect(order(plan, (step) => answer(true, step === 'a'))).toEqual(['run a', 'watch w']);
  });
});

describe('evolve', () => {
  test('a step that was lost is offered again and keeps its number', () => {
    let run = createRun({ chunks: [chunk('a'), chunk('b')] });
    run = evolve(run, { type: 'step-started', step: 'a', mode: 'run', at: 1 });
    expect(decide(run)).toEqual([]);
    expect(resumeRun(run)).toEqual([{ step: 'a', mode: 'run', attempt: 1, startedAt: 1 }]);
    run = evolve(run, { type: 'step-lost', step: 'a', mode: 'run', at: 2 });
    expect(decide(run)).toEqual([{ kind: 'start-step', step: 'a', mode: 'run' }]);
    run = evolve(run, { type: 'step-started', step: 'a', mode: 'run', at: 3 });
    expect(resumeRun(run)).toMatchObject([{ attempt: 2, startedAt: 3 }]);
    run = evolve(run, { type: 'step-ended', step: 'a', mode: 'run', at: 4, answer: answer(true), durationMs: 1 });
    expect(resultsOf(run)).toMatchObject([{ step: 'a', number: 0 }]);
  });

  test('retries and reactions count in the numbers that follow, as in Salt', () => {
    let run = createRun({ chunks: [chunk('a'), chunk('b')] });
    run = evolve(run, { type: 'step-started', step: 'a', mode: 'run', at: 1 });
    run = evolve(run, { type: 'step-started', step: 'a', mode: 'run', at: 2, attempt: 2 });
    expect(resumeRun(run)).toMatchObject([{ attempt: 2 }]);
    run = evolve(run, {
      type: 'step-ended',
      step: 'a',
      mode: 'run',
      at: 3,
      answer: answer(true),
      durationMs: 1,
      calls: 2,
    });
    run = evolve(run, { type: 'step-started', step: 'b', mode: 'run', at: 4 });
    run = evolve(run, { type: 'step-ended', step: 'b', mode: 'run', at: 5, answer: answer(true), durationMs: 1 });
    expect(resultsOf(run).map(({ number }) => number)).toEqual([1, 2]);
  });

  test('leaves the state it was given alone', () => {
    const before = createRun({ chunks: [chunk('a')] });
    evolve(before, { type: 'step-started', step: 'a', mode: 'run', at: 1 });
    expect(decide(before)).toEqual([{ kind: 'start-step', step: 'a', mode: 'run' }]);
  });

  test('refuses a step the plan does not have', () => {
    const run = createRun({ chunks: [chunk('a')] });
    expect(() => evolve(run, { type: 'step-started', step: 'zzz', mode: 'run', at: 1 })).toThrow('no step to run: zzz');
  });
});

describe('encoding', () => {
  test('a plan and a fact survive JSON', () => {
    const place = { file: 'a.sls', line: 3 };
    const retry = { attempts: 2, intervalSeconds: 1, splaySeconds: 0, until: true };
    const full: Chunk = {
      ...chunk('a', [on('require', 'b')], { retry, checkCmd: ['true'], failhard: true }),
      guards: { unless: ['test -e /x', new PyMap([['fun', 'test.true']])] },
      place,
    };
    const plan = { chunks: [full, chunk('b')] };
    expect(decodePlan(JSON.parse(JSON.stringify(encodePlan(plan))))).toEqual(plan);
    const fact: RunFact = {
      type: 'step-ended',
      step: 'a',
      mode: 'run',
      at: 1,
      answer: answer(true, true),
      durationMs: 2,
    };
    expect(decodeFact(JSON.parse(JSON.stringify(encodeFact(fact))))).toEqual(fact);
  });
});

const KINDS: readonly RequisiteKind[] = ['require', 'watch', 'onchanges', 'onfail', 'prereq', 'listen'];

/** Plans whose requisites point at earlier states only, shuffled; `prereq` can still close a circle. */
const plans = fc
  .array(
    fc.record({
      kinds: fc.array(
        fc.tuple(fc.constantFrom(...KINDS), fc.constantFrom('all' as const, 'any' as const), fc.nat(), fc.nat()),
        {
          maxLength: 3,
        },
      ),
      parallel: fc.boolean(),
      failhard: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .chain((states) =>
    fc.tuple(
      fc.shuffledSubarray(
        states.map((state, index) => {
          const requisites = new Map<string, Requisite>();
          for (const [kind, quantifier, first, second] of index === 0 ? [] : state.kinds) {
            const targets = [...new Set([`s${first % index}`, `s${second % index}`])];
            requisites.set(`${kind} ${quantifier}`, { kind, quantifier, targets });
          }
          const { parallel } = state;
          return chunk(`s${index}`, [...requisites.values()], {
            parallel,
            ...(state.failhard ? { failhard: true } : {}),
          });
        }),
        { minLength: states.length, maxLength: states.length },
      ),
      fc.array(fc.tuple(fc.constantFrom(true, false, null), fc.boolean()), { minLength: 40, maxLength: 40 }),
      fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
    ),
  )
  .filter(([chunks]) => buildGraph({ chunks }).cycles.length === 0)
  .map(([chunks, outcomes, picks]) => {
    const plan: Plan = { chunks };
    const outcome = (step: string, mode: string): StateReturn => {
      const [result, hasChanged] = outcomes[(Number(step.slice(1)) * 3 + mode.length) % outcomes.length]!;
      return answer(result, hasChanged);
    };
    let picked = 0;
    const pick = (): number => {
      picked += 1;
      return picks[picked % picks.length]!;
    };
    return { plan, outcome, pick };
  });

/** What a run came to, for comparing. */
function end(run: RunState): unknown {
  return resultsOf(run).map(({ key, number, answer: given }) => [
    key,
    number,
    { ...given, changes: encodeValue(given.changes) },
  ]);
}

function fold(plan: Plan, facts: readonly RunFact[]): RunState {
  return facts.reduce(evolve, createRun(plan));
}

describe('any run', () => {
  test('ends, and no step starts before its requisites have ended', () => {
    fc.assert(
      fc.property(plans, ({ plan, outcome, pick }) => {
        const { facts, run } = drive(createRun(plan), outcome, pick);
        const over = new Set<string>();
        for (const fact of facts) {
          if (fact.type === 'step-started' && fact.mode !== 'foresee') {
            const { requisites } = plan.chunks.find(({ key }) => key === fact.step)!;
            for (const { kind, targets } of requisites) {
              for (const target of targets) {
                if (kind === 'listen' ? fact.mode === 'react' : kind !== 'prereq') expect(over).toContain(target);
                if (kind === 'prereq') expect([...over].some((entry) => entry.endsWith(target))).toBe(true);
              }
            }
          }
          if (fact.type === 'step-skipped') over.add(fact.step);
          if (fact.type === 'step-ended') over.add(fact.mode === 'foresee' ? `foresee ${fact.step}` : fact.step);
        }
        if (!run.halted) expect(resultsOf(run).filter(({ mode }) => mode !== 'react')).toHaveLength(plan.chunks.length);
      }),
      { numRuns: 400 },
    );
  });

  test('never has two sequential states under way at once', () => {
    fc.assert(
      fc.property(plans, ({ plan, outcome, pick }) => {
        const parallel = new Set(plan.chunks.filter(({ options }) => options.parallel).map(({ key }) => key));
        const underWay = new Set<string>();
        for (const fact of drive(createRun(plan), outcome, pick).facts) {
          if (
            fact.type === 'step-started' &&
            !(parallel.has(fact.step) && fact.mode !== 'foresee' && fact.mode !== 'react')
          ) {
            expect(underWay.size).toBe(0);
            underWay.add(fact.step);
          }
          if (fact.type === 'step-ended') underWay.delete(fact.step);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('folds to the same when every fact is told twice', () => {
    fc.assert(
      fc.property(plans, ({ plan, outcome, pick }) => {
        const { facts, run } = drive(createRun(plan), outcome, pick);
        expect(end(fold(plan, [...facts, ...facts]))).toEqual(end(run));
        expect(
          end(
            fold(
              plan,
              facts.flatMap((fact) => [fact, fact]),
            ),
          ),
        ).toEqual(end(run));
      }),
      { numRuns: 200 },
    );
  });

  test('comes to the same end from any prefix of its facts, with what was under way lost', () => {
    fc.assert(
      fc.property(plans, fc.nat(), ({ plan, outcome }, cut) => {
        const { facts, run } = drive(createRun(plan), outcome);
        const known = JSON.parse(
          JSON.stringify(facts.slice(0, cut % (facts.length + 1)).map((fact) => encodeFact(fact))),
        );
        let resumed = fold(decodePlan(JSON.parse(JSON.stringify(encodePlan(plan)))), known.map(decodeFact));
        for (const { step, mode } of resumeRun(resumed))
          resumed = evolve(resumed, { type: 'step-lost', step, mode, at: 0 });
        const again = drive(resumed, outcome).run;
        const byKey = (state: RunState): unknown =>
          resultsOf(state)
            .map(({ key, answer: given }) => [key, given.result, given.comment] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1));
        // Which parallel states were let go before a failure with failhard is a matter of time.
        if (!run.halted) expect(byKey(again)).toEqual(byKey(run));
        expect(again.failed || !run.failed).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

describe('large plans', () => {
  test('5,000 states that require each other in a chain are driven in a moment', () => {
    const chunks = Array.from({ length: 5_000 }, (_, index) =>
      chunk(`s${index}`, index === 4_999 ? [] : [on('require', `s${index + 1}`)]),
    );
    const { facts, run } = drive(createRun({ chunks }), () => answer(true));
    expect(facts).toHaveLength(10_000);
    expect(resultsOf(run)[0]!.key).toBe('s4999');
  });

  test('a state that requires 5,000 parallel ones is decided in a moment', () => {
    const parallel = Array.from({ length: 5_000 }, (_, index) => chunk(`p${index}`, [], { parallel: true }));
    const all = chunk('all', [on('require', ...parallel.map(({ key }) => key))]);
    const { run } = drive(createRun({ chunks: [...parallel, all] }), () => answer(true));
    expect(resultsOf(run).at(-1)!.key).toBe('all');
  });
});
