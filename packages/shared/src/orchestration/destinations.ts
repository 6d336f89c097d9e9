import { didYouMean } from '../schema/index.ts';

/** Which returners a step wants its result in. */
interface Destinations {
  readonly ret?: string | readonly string[] | undefined;
  readonly ret_config?: string | undefined;
  readonly ret_kwargs?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Why the result of a step cannot go where it wants; undefined when it does. Every returner of the master gets every
 * result, so a destination only has to exist. `returners`: name → type; undefined where they are not known.
 */
export function destinationProblem(
  args: Destinations,
  returners: ReadonlyMap<string, string> | undefined,
): string | undefined {
  const wanted = (typeof args.ret === 'string' ? args.ret.split(',') : (args.ret ?? []))
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (wanted.length === 0 || returners === undefined) return undefined;
  if (args.ret_kwargs !== undefined && Object.keys(args.ret_kwargs).length > 0)
    return "`ret_kwargs` is not supported: a returner is set up in the master's configuration, under `returners`";
  const known = new Set([...returners].flat());
  for (const name of args.ret_config === undefined ? wanted : [...wanted, args.ret_config]) {
    if (!known.has(name))
      return `no returner \`${name}\` is configured. ${didYouMean(name, known) || 'Set it up under `returners` of the master.'}`;
  }
  return undefined;
}
