import type { EffectiveCommand } from './effective-commands.ts';
import { resolvePath } from './paths.ts';
import type { Word } from './shell-script.ts';
import { baseName } from './wrappers.ts';

/** A thing no rule can allow. */
export interface BuiltInRule {
  readonly name: string;
  /** What such a command does: `it …`. */
  readonly why: string;
  refuses(command: EffectiveCommand): boolean;
}

/** Folders a system cannot do without. */
const SYSTEM_FOLDERS = /^\/(?:bin|boot|dev|etc|home|lib|lib32|lib64|proc|root|run|sbin|sys|usr|var)?(?:\/\.?\*)?$/;
/** A pattern at the top: `/*`, `/e*`. */
const TOP_PATTERN = /^\/[^/]*[*?[][^/]*$/;
/** Devices that may be written to without harm. */
const HARMLESS_DEVICE = /^\/dev\/(?:null|zero|full|stdout|stderr|tty|pts\/.*|fd\/\d+|shm\/.*|tcp\/.*|udp\/.*|log)$/;

/** What is refused whatever the rules say: commands that end a system, or what is on it. */
export const BUILT_IN_RULES: readonly BuiltInRule[] = [
  {
    name: 'remove-root',
    why: 'it removes the root or a folder the system cannot do without',
    refuses: (command) => removesRoot(command) || findsAndRemovesRoot(command),
  },
  {
    name: 'change-root',
    why: 'it changes the rights of everything below the root or a system folder',
    refuses: (command) =>
      is(command, 'chmod', 'chown', 'chgrp') &&
      isRecursive(command, /^-[A-Za-z]*R|^--recursive$/) &&
      touchesRoot(command),
  },
  {
    name: 'make-filesystem',
    why: 'it empties a device',
    refuses: ({ words }) => /^(mkfs(\..+)?|mke2fs|wipefs|blkdiscard)$/.test(nameOf(words)),
  },
  { name: 'write-device', why: 'it writes over a device', refuses: writesDevice },
  { name: 'shut-down', why: 'it stops the host', refuses: stopsHost },
  {
    name: 'kill-everything',
    why: 'it ends every process of the host',
    refuses: (command) => is(command, 'kill') && command.words.slice(2).some(({ text }) => text === '-1'),
  },
];

function nameOf(words: readonly Word[]): string {
  const [program] = words;
  return program?.isKnown === true ? baseName(program.text) : '';
}

function is({ words }: EffectiveCommand, ...names: readonly string[]): boolean {
  return names.includes(nameOf(words));
}

function isRecursive({ words }: EffectiveCommand, option: RegExp): boolean {
  return words.slice(1).some(({ text }) => option.test(text));
}

function touchesRoot(command: EffectiveCommand): boolean {
  return command.words.slice(1).some((word) => meansRoot(word, command.folders));
}

function meansRoot(word: Word, folders: readonly (string | undefined)[]): boolean {
  if (word.isKnown && word.text.startsWith('-')) return false;
  return folders.some((folder) => {
    // `/.*` names what is hidden at the top, and in some shells the top itself.
    const path = resolvePath({ ...word, isPattern: false }, folder);
    return path !== undefined && (SYSTEM_FOLDERS.test(path) || (word.isPattern && TOP_PATTERN.test(path)));
  });
}

function removesRoot(command: EffectiveCommand): boolean {
  if (!is(command, 'rm')) return false;
  if (command.words.some(({ text }) => text === '--no-preserve-root')) return true;
  // A word nobody knows may be the option.
  const mayBeRecursive = command.words.slice(1).some(({ isKnown }) => !isKnown);
  return (mayBeRecursive || isRecursive(command, /^-[A-Za-z]*[rR]|^--recursive$/)) && touchesRoot(command);
}

/** `find / -delete`: nothing narrows down what is found. */
function findsAndRemovesRoot(command: EffectiveCommand): boolean {
  if (!is(command, 'find')) return false;
  const rest = command.words.slice(1);
  const begin = rest.findIndex(({ text }) => /^[-(!]/.test(text) && !/^-[HLPDO]/.test(text));
  const paths = rest.slice(0, begin < 0 ? undefined : begin);
  const expression = begin < 0 ? [] : rest.slice(begin).map(({ text }) => text);
  const removes = expression.some(
    (text, at) => text === '-delete' || (/^-(exec|execdir)$/.test(text) && baseName(expression[at + 1] ?? '') === 'rm'),
  );
  const narrows = expression.some((text) =>
    /^-(i?name|i?path|i?regex|i?wholename|newer|[acm](time|min)|user|group|size|perm|empty)/.test(text),
  );
  return removes && !narrows && paths.some((word) => meansRoot(word, command.folders));
}

function writesDevice({ words, redirections, folders }: EffectiveCommand): boolean {
  const isDevice = (word: Word): boolean =>
    folders.some((folder) => {
      const path = resolvePath(word, folder);
      return path?.startsWith('/dev/') === true && !HARMLESS_DEVICE.test(path);
    });
  if (redirections.some(({ operator, target }) => operator.includes('>') && operator !== '>&' && isDevice(target))) {
    return true;
  }
  const rest = words.slice(1);
  switch (nameOf(words)) {
    case 'dd':
      return rest.some((word) => word.text.startsWith('of=') && isDevice({ ...word, text: word.text.slice(3) }));
    case 'tee':
    case 'shred':
      return rest.some(isDevice);
    case 'cp':
    case 'mv':
      return rest.length > 1 && isDevice(rest.at(-1)!);
    default:
      return false;
  }
}

function stopsHost({ words }: EffectiveCommand): boolean {
  const rest = words.slice(1).map(({ text }) => text);
  switch (nameOf(words)) {
    case 'shutdown':
      return !rest.includes('-c');
    case 'reboot':
    case 'halt':
    case 'poweroff':
      return true;
    case 'init':
    case 'telinit':
      return rest.some((text) => /^[06]$/.test(text));
    case 'systemctl':
      return rest.some((text) => /^(poweroff|reboot|halt|kexec|soft-reboot|emergency|rescue)$/.test(text));
    default:
      return false;
  }
}
