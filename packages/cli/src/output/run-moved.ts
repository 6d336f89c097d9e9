import { compressHosts, type MovedView, type RunView } from '@edge-run/shared/view';

/** What has moved since the plan of a run was made: inputs, then targets, one text each. */
export function movedTexts(view: Pick<RunView, 'steps'>, moved: Omit<MovedView, 'at'> | undefined): readonly string[] {
  const { inputs = [], fleet = [] } = moved ?? {};
  return [
    ...inputs.map(
      ({ what, was, is }) =>
        `${what} moved since the plan was made: ${was} -> ${is}; the plan goes on with what it was made of`,
    ),
    ...fleet.map(({ target, steps, came, gone }) => {
      const names = steps.map((key) => view.steps.find((step) => step.key === key)?.id ?? key);
      return `target ${target} of ${names.join(', ')}: ${hostsText(came, gone)} since the plan was made`;
    }),
  ];
}

/** `web3 came, web[1-2] gone`. */
export function hostsText(came: readonly string[], gone: readonly string[]): string {
  const parts = [
    ...(came.length === 0 ? [] : [`${compressHosts(came).join(', ')} came`]),
    ...(gone.length === 0 ? [] : [`${compressHosts(gone).join(', ')} gone`]),
  ];
  return parts.join('; ');
}
