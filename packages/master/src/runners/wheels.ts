import { EdgeError } from '@edge-run/shared/kernel';
import { keyWheelDeclarations } from '@edge-run/shared/protocol';
import { globMatches } from '@edge-run/shared/target';
import { defineRunner, LOOKS, type PlannedRun, type Runner } from './contract.ts';

/** What the functions about keys need of a keyring. */
export interface KeyControl {
  list(): Promise<readonly { readonly id: string; readonly state: KeyState }[]>;
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
  const matching = async (glob: string, from: readonly KeyState[]): Promise<readonly string[]> => {
    const ids = (await keys.list()).filter(({ id, state }) => from.includes(state) && globMatches(glob, id));
    const unique = [...new Set(ids.map(({ id }) => id))].sort();
    if (unique.length > 0) return unique;
    throw new EdgeError(
      'EDGE_KEY_UNKNOWN',
      `no ${from.join(' or ')} key matches ${glob}`,
      { match: glob },
      { hint: "See 'edge-run keys ls'." },
    );
  };
  const change = async (
    glob: string,
    from: readonly KeyState[],
    act: (id: string) => Promise<unknown>,
  ): Promise<readonly string[]> => {
    const ids = await matching(glob, from);
    for (const id of ids) await act(id);
    return ids;
  };
  /** What becomes of the keys that match. */
  const planned = async (glob: string, from: readonly KeyState[], becomes: string): Promise<PlannedRun> => ({
    effect: 'changes',
    changes: Object.fromEntries((await matching(glob, from)).map((id) => [id, becomes])),
  });
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
      ...keyWheelDeclarations['key.accept'],
      plan: {
        kind: 'planned',
        plan: ({ match, include_rejected }) => planned(match, acceptable(include_rejected), 'accepted'),
      },
      run: async ({ match, include_rejected }, { by }) => ({
        [LISTS.accepted]: await change(match, acceptable(include_rejected), (id) => keys.accept(id, by)),
      }),
    }),
    defineRunner({
      ...keyWheelDeclarations['key.reject'],
      plan: {
        kind: 'planned',
        plan: ({ match, include_accepted }) => planned(match, rejectable(include_accepted), 'rejected'),
      },
      run: async ({ match, include_accepted }, { by }) => ({
        [LISTS.rejected]: await change(match, rejectable(include_accepted), (id) => keys.reject(id, by)),
      }),
    }),
    defineRunner({
      ...keyWheelDeclarations['key.delete'],
      plan: { kind: 'planned', plan: ({ match }) => planned(match, STATES_OF.all!, 'deleted') },
      run: ({ match }) => change(match, STATES_OF.all!, (id) => keys.delete(id)),
    }),
  ];
}

function acceptable(rejectedToo: boolean): readonly KeyState[] {
  return rejectedToo ? ['pending', 'rejected'] : ['pending'];
}

function rejectable(acceptedToo: boolean): readonly KeyState[] {
  return acceptedToo ? ['pending', 'accepted'] : ['pending'];
}
