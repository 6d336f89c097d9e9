import { z } from 'zod';
import type { Compiled } from '../kernel/index.ts';
import { defineWrite, type ExecutionModule } from '../modules/contract/index.ts';
import { anyValue } from '../schema/index.ts';
import { compileLow, compileRawLow, type HighData } from '../state/index.ts';
import { PyMap, type Value } from '../values/index.ts';
import type { HostRuntime } from './runtime.ts';
import { common, commonArgs, modsArg } from './state-arguments.ts';
import { planFunctions } from './state-plan.ts';
import { StateWork } from './state-work.ts';

const RETURNS = 'Key of each state → its return; a list of error texts when nothing could be run.';

/** The `state.*` functions of one host. */
export function stateFunctions(runtime: HostRuntime): readonly ExecutionModule[] {
  const states = new StateWork(runtime);
  const apply = (name: string, summary: string): ExecutionModule =>
    defineWrite({
      name,
      summary,
      returns: RETURNS,
      args: z.object({ mods: modsArg, ...common }),
      examples: [{ title: 'one SLS', args: { mods: 'nginx' } }],
      run: (args, ctx) => states.apply(args.mods, args, ctx),
    });
  return [
    apply('state.apply', 'Applies SLS files, or the highstate when none is named.'),
    apply('state.sls', 'Applies SLS files.'),
    defineWrite({
      name: 'state.highstate',
      summary: 'Applies what the top file says about this host.',
      returns: RETURNS,
      args: commonArgs,
      examples: [{ title: 'only look', args: { test: true } }],
      run: (args, ctx) => states.apply([], args, ctx),
    }),
    defineWrite({
      name: 'state.top',
      summary: 'Applies what a top file of another name says about this host.',
      returns: RETURNS,
      args: z.object({ topfn: z.string().describe('The top file: `other-top.sls`.'), ...common }),
      examples: [{ title: 'a top file of its own', args: { topfn: 'rescue.sls' } }],
      run: (args, ctx) => states.apply([], args, ctx, args.topfn),
    }),
    ...showFunctions(states),
    ...singleFunctions(states),
    ...planFunctions(runtime),
  ];
}

function showFunctions(states: StateWork): readonly ExecutionModule[] {
  const shown = (name: string, summary: string, show: (high: HighData) => Compiled<Value>): ExecutionModule =>
    defineWrite({
      name,
      summary,
      returns: 'Data of the states; a list of error texts when they do not compile.',
      args: z.object({ mods: modsArg, ...common }),
      examples: [{ title: 'one SLS', args: { mods: 'nginx' } }],
      run: (args, ctx) => states.show(args.mods, args, ctx, show),
    });
  const high = (data: HighData): Compiled<Value> => ({ value: data.data, diagnostics: [] });
  const low = (data: HighData): Compiled<Value> => listed(compileLow(data));
  const raw = (data: HighData): Compiled<Value> => listed(compileRawLow(data));
  return [
    shown('state.show_sls', 'Answers the high data of SLS files.', high),
    shown('state.show_highstate', 'Answers the high data of the highstate.', high),
    shown('state.show_low_sls', 'Answers the low data of SLS files, in order.', raw),
    shown('state.show_lowstate', 'Answers the low data of the highstate, in order.', low),
    defineWrite({
      name: 'state.show_top',
      summary: 'Answers which SLS files the top file gives this host.',
      returns: 'Environment → names.',
      args: commonArgs,
      examples: [{ title: 'this host', args: {} }],
      run: (args, ctx) => states.showTop(args, ctx),
    }),
    defineWrite({
      name: 'state.show_states',
      summary: 'Answers the SLS files of the highstate, in order of application.',
      returns: 'A list of names.',
      args: commonArgs,
      examples: [{ title: 'this host', args: {} }],
      run: async (args, ctx) => states.show([], args, ctx, (data) => ({ value: slsNames(data), diagnostics: [] })),
    }),
  ];
}

function singleFunctions(states: StateWork): readonly ExecutionModule[] {
  return [
    defineWrite({
      name: 'state.single',
      summary: 'Applies one state, given on the command line.',
      returns: RETURNS,
      keywords: 'kwargs',
      args: z.object({
        fun: z.string().describe('The state: `pkg.installed`.'),
        name: anyValue().describe('Its name.'),
        test: common.test,
        queue: common.queue,
        kwargs: anyValue().optional().describe('Its arguments.'),
      }),
      examples: [{ title: 'a package', args: { fun: 'pkg.installed', name: 'vim' } }],
      run: ({ fun, name, test, kwargs }, ctx) =>
        states.single(fun, name, kwargs instanceof PyMap ? kwargs : new PyMap(), { test }, ctx),
    }),
    defineWrite({
      name: 'state.high',
      summary: 'Applies high data.',
      returns: RETURNS,
      args: z.object({
        data: anyValue().describe('High data, as `state.show_highstate` answers it.'),
        test: common.test,
        queue: common.queue,
      }),
      examples: [{ title: 'one state', args: { data: new PyMap() } }],
      run: ({ data, test }, ctx) => states.high(data, { test }, ctx),
    }),
    defineWrite({
      name: 'state.low',
      summary: 'Applies one low chunk.',
      returns: RETURNS,
      args: z.object({
        data: anyValue().describe('A low chunk: `{state, fun, name, …}`.'),
        test: common.test,
        queue: common.queue,
      }),
      examples: [{ title: 'one state', args: { data: new PyMap() } }],
      run: ({ data, test }, ctx) => states.low(data, { test }, ctx),
    }),
    defineWrite({
      name: 'state.sls_id',
      summary: 'Applies one id of SLS files, and what it requires.',
      returns: RETURNS,
      args: z.object({ id: z.string().describe('Id or name of the state.'), mods: modsArg, ...common }),
      examples: [{ title: 'one id', args: { id: 'nginx', mods: 'nginx' } }],
      run: (args, ctx) => states.apply(args.mods, args, ctx, undefined, args.id),
    }),
  ];
}

function listed(low: Compiled<readonly PyMap[]>): Compiled<Value> {
  return { value: low.value === undefined ? undefined : [...low.value], diagnostics: low.diagnostics };
}

function slsNames({ data }: HighData): Value {
  const names = [...data.values()].map((state) => (state instanceof PyMap ? state.get('__sls__') : undefined));
  return [...new Set(names.filter((name) => typeof name === 'string'))];
}
