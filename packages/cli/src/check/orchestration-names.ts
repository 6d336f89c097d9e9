import type { Diagnostic } from '@edge-run/shared/kernel';
import type { LoneFile } from './lone-files.ts';

/** An orchestration whose name `edge-run orch NAME` takes for one of its commands. */
export function nameProblems({ sls, path }: LoneFile, reserved: ReadonlySet<string>): readonly Diagnostic[] {
  const name = sls.replace(/^orch\./, '');
  if (!path.startsWith('orch/') || !reserved.has(name)) return [];
  return [
    {
      severity: 'error',
      code: 'EDGE_ORCHESTRATION_NAME',
      summary: `\`${name}\` is a command: \`edge-run orch ${name}\` does not start this orchestration`,
      detail: `give the file another name`,
      source: { file: path, line: 1 },
    },
  ];
}
