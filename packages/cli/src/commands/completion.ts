import { EdgeError } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import type { MasterClient } from '../client.ts';
import { positionals } from '../dispatch.ts';
import type { Session } from '../session.ts';
import { type Register, wordAt, wordsAt } from './registry.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_edge_run() {
  local IFS=$'\\n'
  COMPREPLY=($(edge-run __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _edge_run edge-run
`,
  zsh: `#compdef edge-run
_edge_run() {
  local -a candidates
  candidates=("\${(@f)$(edge-run __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $candidates
}
compdef _edge_run edge-run
`,
  fish: `complete -c edge-run -f -a '(edge-run __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

/** Longest a key press may wait for names from the master. */
const ANSWER_WITHIN_MS = 250;

/** `completion SHELL` and the hidden `__complete WORDS…` the scripts call. */
export function addCompletionCommands(program: Command, register: Register): void {
  register(
    program
      .command('completion <shell>')
      .summary('print a completion script for bash, zsh or fish')
      .addHelpText('after', '\nExample:  source <(edge-run completion bash)'),
    printScript,
  );
  register(program.command('__complete [words...]', { hidden: true }), (session, words) =>
    complete(session, program, wordsAt(words, 0)),
  );
}

async function printScript(session: Session, words: Parameters<typeof wordAt>[0]): Promise<ExitCode> {
  const script = SCRIPTS[wordAt(words, 0)];
  if (script === undefined) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `no completion for \`${wordAt(words, 0)}\``,
      {},
      {
        hint: `Known: ${Object.keys(SCRIPTS).join(', ')}. Write: edge-run completion bash`,
      },
    );
  }
  session.io.stdout.write(script);
  return EXIT.done;
}

/** Prints candidates for the last word, one a line; silent whatever goes wrong. */
async function complete(session: Session, program: Command, words: readonly string[]): Promise<ExitCode> {
  const word = words.at(-1) ?? '';
  const exec = program.commands.find((command) => command.name() === 'exec')!;
  const { words: before } = positionals(words.slice(0, -1), [...program.options, ...exec.options]);
  const candidates = word.startsWith('-')
    ? optionsOf(commandAt(program, before).command)
    : [...subcommandsOf(program, before), ...(await namesFor(session, program, before))];
  const matching = [...new Set(candidates)].filter((candidate) => candidate.startsWith(word)).sort();
  session.io.stdout.write(matching.map((candidate) => `${candidate}\n`).join(''));
  return EXIT.done;
}

/** The command the words lead to, and how many words are arguments of it. */
function commandAt(program: Command, words: readonly string[]): { command: Command; argumentCount: number } {
  let command = program;
  for (const [index, word] of words.entries()) {
    const next = command.commands.find((candidate) => candidate.name() === word || candidate.aliases().includes(word));
    if (next === undefined) return { command, argumentCount: words.length - index };
    command = next;
  }
  return { command, argumentCount: 0 };
}

function subcommandsOf(program: Command, words: readonly string[]): readonly string[] {
  const { command, argumentCount } = commandAt(program, words);
  if (argumentCount > 0) return [];
  return command
    .createHelp()
    .visibleCommands(command)
    .map((candidate) => candidate.name());
}

function optionsOf(command: Command): readonly string[] {
  const own = command.options.flatMap((option) => (option.long ? [option.long] : []));
  return command.parent === null ? own : [...own, ...optionsOf(command.parent)];
}

/** Names the master knows, for the argument that is asked for. */
async function namesFor(session: Session, program: Command, words: readonly string[]): Promise<readonly string[]> {
  const { command, argumentCount } = commandAt(program, words);
  const wanted =
    command.registeredArguments[argumentCount]?.name() ?? (command === program && argumentCount === 0 ? 'target' : '');
  const ask = NAMES[wanted];
  if (ask === undefined) return [];
  try {
    return await withinBudget(session, async () => ask(await session.master()));
  } catch {
    return [];
  }
}

const NAMES: Readonly<Record<string, (client: MasterClient) => Promise<readonly string[]>>> = {
  target: async (client) => {
    const { nodes } = await client.ask('nodes.ls', {}, { timeoutMs: ANSWER_WITHIN_MS });
    return nodes.map((node) => node.id);
  },
  ids: async (client) => {
    const { keys } = await client.ask('keys.ls', {}, { timeoutMs: ANSWER_WITHIN_MS });
    return keys.map((key) => key.id);
  },
  run: async (client) => {
    const { runs } = await client.ask('orch.ls', { limit: 50 }, { timeoutMs: ANSWER_WITHIN_MS });
    return [...runs.map((run) => run.run), '@last', '@last-failed'];
  },
  job: async (client) => {
    const { jobs } = await client.ask('jobs.ls', { limit: 50 }, { timeoutMs: ANSWER_WITHIN_MS });
    return [...jobs.map((job) => job.jid), '@last', '@last-failed'];
  },
  name: async (client) => {
    const { runs } = await client.ask('orch.ls', { limit: 200 }, { timeoutMs: ANSWER_WITHIN_MS });
    return runs.map((run) => run.name);
  },
};

async function withinBudget<T>(session: Session, work: () => Promise<readonly T[]>): Promise<readonly T[]> {
  const stop = new AbortController();
  const late = session.io.clock.sleep(ANSWER_WITHIN_MS, stop.signal).then(
    () => [],
    () => [],
  );
  try {
    return await Promise.race([work(), late]);
  } finally {
    stop.abort();
  }
}
