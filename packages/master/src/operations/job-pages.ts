import type { JobDetails } from '@edge-run/shared/protocol';

type Returns = JobDetails['returns'];

/** A part of a job's returns, and where the next one begins; without `next` there are no more. */
export interface ReturnsPage {
  returns: Returns;
  next?: string;
}

/**
 * The returns of a job that fit into `mostBytes`, at least one: all in order of arrival where they do, else in order of
 * their hosts, from the one behind `after`. Returns that come between two questions move no other.
 */
export function pageOf(
  returns: Returns,
  { after, mostBytes }: { readonly after: string | undefined; readonly mostBytes: number },
): ReturnsPage {
  const sizes = new Map(returns.map((one) => [one.id, JSON.stringify(one).length]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (after === undefined && total <= mostBytes) return { returns };
  const rest = [...returns]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ id }) => after === undefined || id > after);
  let bytes = 0;
  const page: Returns = [];
  for (const one of rest) {
    bytes += sizes.get(one.id)!;
    if (page.length > 0 && bytes > mostBytes) return { returns: page, next: page.at(-1)!.id };
    page.push(one);
  }
  return { returns: page };
}
