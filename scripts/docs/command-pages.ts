import type { Command, Option } from 'commander';
import { codeBlock, inlineCode, joinParts, table } from './markdown.ts';

/** The page of the program itself: short forms, options every command understands, exit codes. */
export function programPage(program: Command, exitCodes: Readonly<Record<string, number>>): string {
  const commands = visibleCommands(program).map((command) => [
    `[${inlineCode(command.name())}](${command.name()}.md)`,
    command.summary(),
  ]);
  return joinParts([
    `# ${program.name()}`,
    program.description(),
    codeBlock('', usageOf(program)),
    '## Commands',
    table(['command', 'what it does'], commands),
    '## Options of every command',
    optionTable(program),
    ...exampleParts(program),
    '## Exit codes',
    table(
      ['code', 'meaning'],
      Object.entries(exitCodes)
        .sort(([, a], [, b]) => a - b)
        .map(([name, code]) => [String(code), name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)]),
    ),
  ]);
}

/** The page of one command and the commands below it. */
export function commandPage(command: Command): string {
  return joinParts([
    ...commandParts(command, '#'),
    'Options of every command are on [the page of edge-run](README.md).',
    ...visibleCommands(command)
      .sort((a, b) => (a.name() < b.name() ? -1 : 1))
      .flatMap((child) => belowParts(child)),
  ]);
}

function belowParts(command: Command): readonly string[] {
  return [...commandParts(command, '##'), ...visibleCommands(command).flatMap(belowParts)];
}

function commandParts(command: Command, heading: string): readonly string[] {
  const words = pathOf(command);
  const isGroup = visibleCommands(command).length > 0;
  const children = visibleCommands(command).map((child) => [inlineCode(child.name()), child.summary()]);
  return [
    `${heading} ${words}`,
    capital(command.summary()),
    isGroup && command.registeredArguments.length === 0 ? '' : codeBlock('', usageOf(command)),
    command.aliases().length === 0 ? '' : `Also: ${command.aliases().map(inlineCode).join(', ')}.`,
    children.length === 0 ? '' : table(['command', 'what it does'], children),
    optionTable(command),
    ...exampleParts(command),
  ];
}

/** Every command to be shown, without `help` and those that are hidden. */
export function visibleCommands(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');
}

function optionTable(command: Command): string {
  const options = command.options.filter((option) => !option.hidden && option.long !== '--version');
  if (options.length === 0) return '';
  return table(
    ['option', 'what it does', 'values', 'default'],
    options.map((option) => [inlineCode(option.flags), option.description, valuesOf(option), defaultOf(option)]),
  );
}

function valuesOf({ argChoices }: Option): string {
  return argChoices === undefined ? '' : argChoices.map(inlineCode).join(', ');
}

function defaultOf({ defaultValue, negate }: Option): string {
  if (defaultValue === undefined || negate || typeof defaultValue === 'boolean') return '';
  return inlineCode(String(defaultValue));
}

/** What stands behind the help of a command: its examples. */
function exampleParts(command: Command): readonly string[] {
  let text = '';
  const write = (part: string): void => {
    text += part;
  };
  // A command is an emitter, which its types do not say.
  (command as unknown as NodeJS.EventEmitter).emit('afterHelp', { error: false, command, write });
  return text.trim() === '' ? [] : [codeBlock('', text.trim())];
}

function usageOf(command: Command): string {
  const options = visibleCommands(command).length > 0 ? ['COMMAND'] : [];
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`;
    return argument.required ? name : `[${name}]`;
  });
  return [pathOf(command), '[OPTION…]', ...options, ...words].join(' ');
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function capital(text: string): string {
  return text === '' ? '' : `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
