import { EdgeError } from '@edge-run/shared/kernel';
import { keyWheelDeclarations, type RunnerDeclaration } from '@edge-run/shared/protocol';
import { globMatches } from '@edge-run/shared/target';
import type { z } from 'zod';
import { defineRunner, LOOKS, type PlannedRun, type Runner } from './contract.ts';

/** What the functions about keys need of a keyring. */
export interface KeyControl {
  list(): Promise<readonly { readonly id: string; readonly state: KeyState; readonly fingerprint: string }[]>;
  accept(id: string, by?: string): Promise<unknown>;
  reject(id: string, by?: string): Promise<void>;
  delete(id: string): Promise<void>;
}

type KeyState = 'accepted' | 'pending' | 'rejected' | 'denied';

/** Salt's name of each list of keys. */
const LISTS: Readonly<Record<KeyState, string>> = {
  accepted: 'minions',
  pending: 'minions_pre',
  rejected: 'minions_rejected',
  denied: 'minions_denied',
};

/** What `key.list` may be asked for, as far as it is no state's own name. */
const STATES_OF: Readonly<Record<string, readonly KeyState[]>> = {
  acc: ['accepted'],
  accepted: ['accepted'],
  pre: ['pending'],
  un: ['pending'],
  unaccepted: ['pending'],
  rej: ['rejected'],
  rejected: ['rejected'],
  den: ['denied'],
  denied: ['denied'],
  all: ['accepted', 'pending', 'rejected', 'denied'],
};

/** Functions about the keys of hosts, under the names of Salt's wheels. */
export function keyWheels(keys: KeyControl): readonly Runner[] {
  const listed = async (states: readonly KeyState[], accept: (id: string) => boolean = () => true) => {
    const all = await keys.list();
    return Object.fromEntries(
      states.map((state) => [
        LISTS[state],
        all.flatMap(({ id, state: own }) => (own === state && accept(id) ? [id] : [])).sort(),
      ]),
    );
  };
  /** Ids whose key is to change, and those of which it is so already; a step that is done again finds these. */
  const chosen = async (
    wanted: Wanted,
    { from, done }: { readonly from: readonly KeyState[]; readonly done: readonly KeyState[] },
  ): Promise<{ readonly ids: readonly string[]; readonly known: readonly string[] }> => {
    const all = await keys.list();
    const of = (states: readonly KeyState[]): string[] => [
      ...new Set(all.flatMap(({ id, state }) => (states.includes(state) && wanted.has(id, state) ? [id] : []))),
    ];
    const ids = of(from).sort();
    const known = of([...from, ...done]).sort();
    const missing = wanted.ids?.filter((id) => !all.some((key) => key.id === id)) ?? [];
    if (done.length === 0 || (known.length > 0 && missing.length === 0)) return { ids, known };
    throw new EdgeError(
      'EDGE_KEY_UNKNOWN',
      `no ${from.join(' or ')} key matches ${missing.join(', ') || wanted.text}`,
      { match: wanted.text },
      { hint: "See 'edge-run keys ls'." },
    );
  };
  const change = async (
    wanted: Wanted,
    step: Step,
    act: (id: string) => Promise<unknown>,
  ): Promise<readonly string[]> => {
    const { ids, known } = await chosen(wanted, step);
    for (const id of ids) await act(id);
    return known;
  };
  /** What becomes of the keys that match. */
  const planned = async (wanted: Wanted, step: Step, becomes: string): Promise<PlannedRun> => {
    const { ids } = await chosen(wanted, step);
    if (ids.length === 0) return { effect: 'nothing' };
    return { effect: 'changes', changes: Object.fromEntries(ids.map((id) => [id, becomes])) };
  };
  /** A wheel that changes keys: `how` says which, and what becomes of them. */
  const changing = <A extends z.ZodObject>(declaration: RunnerDeclaration<A>, how: KeyChange<z.output<A>>): Runner =>
    defineRunner<A>({
      ...declaration,
      plan: { kind: 'planned', plan: (args) => planned(how.wanted(args), how.step(args), how.becomes) },
      run: async (args, { by }) => {
        const ids = await change(how.wanted(args), how.step(args), (id) => how.act(id, by));
        return how.becomes === 'deleted' ? ids : { [LISTS[how.becomes]]: ids };
      },
    });
  const accepting = {
    becomes: 'accepted',
    step: ({ include_rejected }: { readonly include_rejected: boolean }) => acceptable(include_rejected),
    act: (id: string, by: string) => keys.accept(id, by),
  } as const;
  const rejecting = {
    becomes: 'rejected',
    step: ({ include_accepted }: { readonly include_accepted: boolean }) => rejectable(include_accepted),
    act: (id: string, by: string) => keys.reject(id, by),
  } as const;
  const deleting = { becomes: 'deleted', step: () => DELETABLE, act: (id: string) => keys.delete(id) } as const;
  return [
    defineRunner({
      ...keyWheelDeclarations['key.list'],
      plan: LOOKS,
      run: ({ match }) => listed(STATES_OF[match]!),
    }),
    defineRunner({
      ...keyWheelDeclarations['key.list_all'],
      plan: LOOKS,
      run: () => listed(STATES_OF.all!),
    }),
    defineRunner({
      ...keyWheelDeclarations['key.name_match'],
      plan: LOOKS,
      run: async ({ match }) => {
        const lists = await listed(STATES_OF.all!, (id) => globMatches(match, id));
        return Object.fromEntries(Object.entries(lists).filter(([, ids]) => ids.length > 0));
      },
    }),
    defineRunner({
      ...keyWheelDeclarations['key.finger'],
      plan: LOOKS,
      run: async ({ match }) => {
        const lists: Record<string, Record<string, string>> = {};
        for (const { id, state, fingerprint } of await keys.list())
          if (globMatches(match, id)) lists[LISTS[state]] = { ...lists[LISTS[state]], [id]: fingerprint };
        return lists;
      },
    }),
    changing(keyWheelDeclarations['key.accept'], { ...accepting, wanted: byGlob }),
    changing(keyWheelDeclarations['key.accept_dict'], { ...accepting, wanted: byLists }),
    changing(keyWheelDeclarations['key.reject'], { ...rejecting, wanted: byGlob }),
    changing(keyWheelDeclarations['key.reject_dict'], { ...rejecting, wanted: byLists }),
    changing(keyWheelDeclarations['key.delete'], { ...deleting, wanted: byGlob }),
    changing(keyWheelDeclarations['key.delete_dict'], { ...deleting, wanted: byLists }),
  ];
}

/** Which keys are meant. */
interface Wanted {
  has(id: string, state: KeyState): boolean;
  /** Each of these must be known. */
  readonly ids?: readonly string[];
  readonly text: string;
}

/** Keys in `from` change; those in `done` are as they shall be. Nothing has to be there where nothing is ever `done`. */
interface Step {
  readonly from: readonly KeyState[];
  readonly done: readonly KeyState[];
}

/** What a wheel does to the keys its arguments `A` mean. */
interface KeyChange<A> {
  wanted(args: A): Wanted;
  step(args: A): Step;
  readonly becomes: 'accepted' | 'rejected' | 'deleted';
  act(id: string, by: string): Promise<unknown>;
}

const DELETABLE: Step = { from: ['accepted', 'pending', 'rejected', 'denied'], done: [] };

function byGlob({ match }: { readonly match: string }): Wanted {
  return { has: (id) => globMatches(match, id), text: match };
}

/** Salt's lists: a key that has left its list since, because it was accepted, say, is meant as well. */
function byLists({ match }: { readonly match: Readonly<Record<string, readonly string[] | undefined>> }): Wanted {
  const ids = Object.values(match).flatMap((list) => list ?? []);
  return { has: (id) => ids.includes(id), ids, text: ids.join(', ') };
}

function acceptable(rejectedToo: boolean): Step {
  return { from: rejectedToo ? ['pending', 'rejected'] : ['pending'], done: ['accepted'] };
}

function rejectable(acceptedToo: boolean): Step {
  return { from: acceptedToo ? ['pending', 'accepted'] : ['pending'], done: ['rejected'] };
}
