import type { Compiled } from '../kernel/index.ts';
import type { SlsMatches } from '../state/index.ts';
import { type MergeTopsOptions, matchTop, mergeTops, readTops, type TopMatches } from '../top/index.ts';
import { PyMap, toPlain } from '../values/index.ts';
import type { HostRuntime, Workplace } from './runtime.ts';

/** What top files give a host, and where they say so. */
export type PlacedMatches = Compiled<SlsMatches> & { readonly placeOf?: TopMatches['placeOf'] };

/** What the top files of all environments (or of `saltenv` alone) give the host of a workplace. */
export async function topMatches(
  runtime: HostRuntime,
  { ctx, renderRequest }: Workplace,
  saltenv?: string,
  topName?: string,
): Promise<PlacedMatches> {
  const { renderData, masterOpts } = runtime.options;
  const { files } = ctx;
  const opts = new PyMap([...runtime.options.opts, ...((await masterOpts?.()) ?? [])]);
  const environments = await files.environments();
  const tops = await readTops({
    source: files,
    environments: saltenv === undefined ? environments : [saltenv],
    ...(topName === undefined ? {} : { topName }),
    render: async (file, env) => {
      const text = new TextDecoder().decode(await file.read());
      return renderData({ ...renderRequest(text, file.path), saltenv: env });
    },
  });
  if (tops.value === undefined) return { value: undefined, diagnostics: tops.diagnostics };
  const subject = { id: ctx.host.id, grains: ctx.facts, pillar: ctx.pillar.data };
  const groups = opts.get('nodegroups');
  const matched = matchTop(mergeTops(tops.value, mergeOptionsOf(opts)), subject, {
    environments,
    ...(saltenv === undefined ? {} : { env: saltenv }),
    ...(groups instanceof PyMap ? { nodegroups: toPlain(groups) as Record<string, string | string[]> } : {}),
  });
  return {
    value: matched.value?.sls,
    diagnostics: [...tops.diagnostics, ...matched.diagnostics],
    ...(matched.value === undefined ? {} : { placeOf: matched.value.placeOf }),
  };
}

/** Salt's options of the same names. */
function mergeOptionsOf(opts: PyMap): MergeTopsOptions {
  const strategy = opts.get('top_file_merging_strategy');
  const order = opts.get('env_order');
  const defaultTop = opts.get('default_top');
  return {
    strategy: strategy === 'merge_all' || strategy === 'same' ? strategy : 'merge',
    ...(Array.isArray(order) ? { envOrder: order.map(String) } : {}),
    ...(typeof defaultTop === 'string' ? { defaultTop } : {}),
  };
}
