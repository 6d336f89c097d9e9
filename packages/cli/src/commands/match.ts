import type { OperationAnswer, TargetExpression } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { emit } from '../output/emit.ts';
import { padTo, sanitize } from '../output/style.ts';
import type { Session } from '../session.ts';
import { addTargetFlags, readTarget, targetText } from '../target.ts';
import { type Register, wordAt } from './registry.ts';

type MatchedHost = NonNullable<OperationAnswer<'match'>['hosts']>[number];

/** `match TARGET`: who would be selected, and why. */
export function addMatchCommands(program: Command, register: Register): void {
  register(
    addTargetFlags(program.command('match <target>'))
      .summary('who would this select, and why')
      .option('--all', 'also why the others are not selected')
      .addHelpText('after', "\nExample:  edge-run match -C 'G@os:Debian and not web*' --all"),
    (session, words, options) =>
      printMatch(session, readTarget(wordAt(words, 0), options), { all: options.all === true }),
  );
}

/** Prints whom a target selects and by what; exit code 1 when that is nobody, and then why each host is not. */
export async function printMatch(
  session: Session,
  target: TargetExpression,
  { all }: { readonly all: boolean },
): Promise<ExitCode> {
  const { io, flags, style } = session;
  const answer = await (await session.master()).ask('match', { target, explain: true });
  const { ids, missing, hosts = [] } = answer;
  const shown = hosts.filter(({ matched }) => matched || all || ids.length === 0);
  const width = Math.max(0, ...shown.map(({ id }) => id.length));
  if (flags.out === 'name') io.stdout.write(ids.map((id) => `${id}\n`).join(''));
  else {
    const line = (host: MatchedHost): string => {
      const text = `${host.matched ? '+' : '-'} ${padTo(host.id, width)}   ${sanitize(host.because)}`;
      return host.matched ? text : style.dim(text);
    };
    const parts = (host: MatchedHost): string[] =>
      flags.verbose === 0
        ? []
        : host.parts.map((part) => `    ${part.matched ? '+' : '-'} ${part.target}: ${sanitize(part.because)}`);
    await emit(session, answer, () =>
      shown
        .flatMap((host) => [line(host), ...parts(host)])
        .map((text) => `${text}\n`)
        .join(''),
    );
  }
  for (const id of missing) session.note(`! nobody has the id ${id}`);
  const others = all || ids.length === 0 || ids.length === hosts.length ? '' : '; why not the others: --all';
  session.note(`${ids.length} of ${hosts.length} selected by ${targetText(target)} (${target.type})${others}`);
  return ids.length > 0 ? EXIT.done : EXIT.failed;
}
