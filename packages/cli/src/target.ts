import { EdgeError } from '@edge-run/shared/kernel';
import type { TargetExpression } from '@edge-run/shared/protocol';
import type { Command } from 'commander';

type TargetType = TargetExpression['type'];

/** Salt's target flags: option name → how the expression is read. */
const TARGET_FLAGS: readonly (readonly [flags: string, name: string, type: TargetType, summary: string])[] = [
  ['-L, --list', 'list', 'list', 'TARGET is ids, separated by commas'],
  ['-E, --pcre', 'pcre', 'pcre', 'TARGET is a regular expression over ids'],
  ['-G, --grain', 'grain', 'grain', 'TARGET is grain:glob'],
  ['-P, --grain-pcre', 'grainPcre', 'grain_pcre', 'TARGET is grain:regular expression'],
  ['-I, --pillar', 'pillar', 'pillar', 'TARGET is pillar:glob'],
  ['-J, --pillar-pcre', 'pillarPcre', 'pillar_pcre', 'TARGET is pillar:regular expression'],
  ['-S, --ipcidr', 'ipcidr', 'ipcidr', 'TARGET is an address or network'],
  ['-N, --nodegroup', 'nodegroup', 'nodegroup', 'TARGET is the name of a group'],
  ['-R, --range', 'range', 'range', 'TARGET is a range expression'],
  ['-C, --compound', 'compound', 'compound', "TARGET is an expression such as 'G@os:Debian and web*'"],
];

/** Adds Salt's target flags to a command. */
export function addTargetFlags(command: Command): Command {
  for (const [flags, , , summary] of TARGET_FLAGS) command.option(flags, summary);
  return command.option('--delimiter <text>', 'separates levels of a grain or pillar key');
}

/** The target a command line names. @throws EdgeError `EDGE_BAD_ARGUMENT` when two target flags are given */
export function readTarget(expr: string, options: Readonly<Record<string, unknown>>): TargetExpression {
  const given = TARGET_FLAGS.filter(([, name]) => options[name] === true);
  if (given.length > 1) {
    const flags = given.map(([text]) => text.split(', ')[1]).join(' and ');
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${flags} exclude each other`,
      { flags },
      {
        hint: "Use one of them, or -C with both: edge-run -C 'G@os:Debian and E@web\\d+' test.ping",
      },
    );
  }
  const type = given[0]?.[2] ?? 'glob';
  const delimiter = typeof options.delimiter === 'string' ? { delimiter: options.delimiter } : {};
  if (type !== 'list') return { expr, type, ...delimiter };
  return { expr: expr.split(/[,\s]+/).filter((id) => id !== ''), type };
}

/** The expression as a person wrote it. */
export function targetText({ expr }: TargetExpression): string {
  return typeof expr === 'string' ? expr : expr.join(',');
}
