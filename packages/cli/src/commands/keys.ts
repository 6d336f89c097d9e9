import type { JoinToken, MinionKey, OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import type { Command } from 'commander';
import { isMachineFormat, parseCount, parseDuration } from '../flags.ts';
import { emit, emitData, emitList } from '../output/emit.ts';
import { type Column, renderPairs } from '../output/table.ts';
import { formatInstant, formatWhen } from '../output/times.ts';
import { confirm, type Session } from '../session.ts';
import { type Options, type Register, textOption, wordAt, wordsAt } from './registry.ts';

/** `keys ls|accept|reject|delete|finger|rotate|join|token new|token ls|token revoke`. */
export function addKeysCommands(program: Command, register: Register): void {
  const keys = program.command('keys').summary('let minions in and keep them out');
  register(
    keys
      .command('ls')
      .summary('list keys')
      .option('--pending', 'only those that wait')
      .option('--accepted', 'only those that are in')
      .option('--rejected', 'only those kept out')
      .option('--denied', 'only those that say to be a host whose key is another one'),
    listKeys,
  );
  register(keys.command('accept <ids...>').summary('let minions in'), (session, words) =>
    changeKeys(session, 'keys.accept', wordsAt(words, 0)),
  );
  register(keys.command('reject <ids...>').summary('keep minions out'), (session, words) =>
    changeKeys(session, 'keys.reject', wordsAt(words, 0)),
  );
  register(keys.command('delete <ids...>').summary('forget keys'), deleteKeys);
  register(
    keys.command('rotate <ids...>').summary('give connected minions new keys while their jobs go on'),
    rotateKeys,
  );
  register(keys.command('finger [ids...]').summary('print fingerprints, that of the master first'), showFingerprints);
  register(keys.command('join').summary('print the configuration with which a minion knocks here'), showJoin);
  const token = keys.command('token').summary('tokens that let minions join by themselves');
  register(
    token
      .command('new')
      .summary('make a join token')
      .option('--name <name>', 'shown beside keys that used it')
      .option('--ids <glob>', 'only for these ids')
      .option('--role <role>', 'only for hosts of this role, which is their fact `role` from then on')
      .option('--uses <count>', 'for so many minions (1)', parseCount)
      .option('--ttl <duration>', 'good for so long (1h)', parseDuration),
    newToken,
  );
  register(token.command('ls').summary('list join tokens'), listTokens);
  register(token.command('revoke <name>').summary('let nobody in by a token any more'), async (session, words) => {
    const { name } = await (await session.master()).ask('keys.token-revoke', { name: wordAt(words, 0) });
    session.note(`${name} lets nobody in any more`);
    return EXIT.done;
  });
}

function columns(session: Session): readonly Column<MinionKey>[] {
  const view = { now: session.io.clock.now(), relative: session.io.stdout.isTty };
  return [
    { name: 'id', value: (row) => row.id },
    {
      name: 'state',
      value: (row) => row.state,
      paint: ({ state }, style) =>
        ({ pending: style.yellow, accepted: style.green, rejected: style.red, denied: style.red })[state],
    },
    { name: 'fingerprint', value: (row) => row.fingerprint },
    { name: 'from', value: (row) => row.from ?? '-' },
    { name: 'since', value: (row) => formatWhen(row.since, view) },
    { name: 'token', value: (row) => tokenOf(row) },
  ];
}

async function printKeys(session: Session, keys: readonly MinionKey[], none: string): Promise<void> {
  await emitList(session, { rows: keys, columns: columns(session), nameOf: (row) => row.id, none });
}

async function listKeys(session: Session, _: unknown, options: Options): Promise<ExitCode> {
  const state = (['pending', 'accepted', 'rejected', 'denied'] as const).find((name) => options[name] === true);
  const { keys } = await (await session.master()).ask('keys.ls', state === undefined ? {} : { state });
  await printKeys(session, keys, 'no keys; on a host: edge-minion run, then edge-run keys accept ID');
  for (const key of keys.filter((one) => one.state === 'denied')) warnOfDenied(session, key);
  return EXIT.done;
}

function tokenOf({ token, role }: MinionKey): string {
  if (token === undefined) return '-';
  return role === undefined ? token : `${token} (role=${role})`;
}

function warnOfDenied(session: Session, { id, fingerprint }: MinionKey): void {
  session.note(
    `warning: somebody with the key ${fingerprint} says to be ${id}, whose key is another one: kept out. ` +
      `If ${id} was installed anew: edge-run keys delete ${id}, then accept the new key.`,
  );
}

async function changeKeys(
  session: Session,
  operation: 'keys.accept' | 'keys.reject',
  ids: readonly string[],
): Promise<ExitCode> {
  const client = await session.master();
  const { keys: found } = await client.ask('keys.finger', { ids: [...ids] });
  const wanted = operation === 'keys.accept' ? 'accepted' : 'rejected';
  const open = found.filter((key) => key.state !== wanted);
  if (open.length > 0) {
    for (const key of open) session.note(`  ${key.id}   ${key.fingerprint}   ${key.from ?? ''}`.trimEnd());
    const verb = operation === 'keys.accept' ? 'Accept' : 'Reject';
    await confirm(
      session,
      `${verb} ${open.length} key${open.length === 1 ? '' : 's'} (context ${client.context.name})?`,
    );
  }
  const { keys } = await client.ask(operation, { ids: [...ids] });
  await printKeys(session, keys, `nothing to change; look: edge-run keys ls`);
  return EXIT.done;
}

async function rotateKeys(session: Session, words: Parameters<typeof wordsAt>[0]): Promise<ExitCode> {
  const { keys, failed } = await (await session.master()).ask('keys.rotate', { ids: [...wordsAt(words, 0)] });
  await printKeys(session, keys, 'no key was changed');
  for (const { id, reason } of failed) session.note(`${id} keeps its key: ${reason}`);
  return failed.length > 0 ? EXIT.failed : EXIT.done;
}

async function deleteKeys(session: Session, words: Parameters<typeof wordsAt>[0]): Promise<ExitCode> {
  const ids = [...wordsAt(words, 0)];
  const client = await session.master();
  const { keys } = await client.ask('keys.finger', { ids });
  const names = keys.map((key) => key.id).join(', ');
  if (keys.length > 0) {
    await confirm(
      session,
      `Delete ${keys.length} key${keys.length === 1 ? '' : 's'}: ${names} (context ${client.context.name})?`,
    );
  }
  const answer = await client.ask('keys.delete', { ids });
  await emit(session, answer, () => answer.ids.map((id) => `${id}\n`).join(''));
  if (answer.ids.length === 0) session.note('nothing to delete; look: edge-run keys ls');
  return EXIT.done;
}

async function showFingerprints(session: Session, words: Parameters<typeof wordsAt>[0]): Promise<ExitCode> {
  const ids = wordsAt(words, 0);
  const answer = await (await session.master()).ask('keys.finger', ids.length === 0 ? {} : { ids: [...ids] });
  if (isMachineFormat(session.flags.out)) await emitData(session, answer);
  else {
    const { fingerprint } = await import('@edge-run/shared/bus/identity');
    const pairs = [
      ['master', fingerprint(answer.master)] as const,
      ...answer.keys.map((key) => [key.id, key.fingerprint] as const),
    ];
    session.io.stdout.write(renderPairs(pairs, ''));
  }
  return EXIT.done;
}

async function showJoin(session: Session): Promise<ExitCode> {
  const answer = await (await session.master()).ask('keys.join', {});
  const { servers, ca, trustedKeys, knock, credentials } = answer;
  await emit(session, answer, () => {
    const lists = `servers:\n${lines(servers)}trusted_keys:\n${lines(trustedKeys)}`;
    const admission = { knock, credentials };
    const tls = ca === undefined ? '' : `tls:\n  ca: |\n${ca.trimEnd().replaceAll(/^/gm, '    ')}\n`;
    return Object.entries(admission).reduce(
      (text, [key, value]) => (value === undefined ? text : `${text}${key}: ${value}\n`),
      `${lists}${tls}`,
    );
  });
  return EXIT.done;
}

function lines(items: readonly string[]): string {
  return items.map((item) => `  - ${item}\n`).join('');
}

async function newToken(session: Session, _: unknown, options: Options): Promise<ExitCode> {
  const { uses, ttl } = options;
  const request: OperationArgs<'keys.token-new'> = {
    ...textOption(options, 'name'),
    ...textOption(options, 'ids'),
    ...textOption(options, 'role'),
    ...(typeof uses === 'number' ? { uses } : {}),
    ...(typeof ttl === 'number' ? { ttlMs: ttl } : {}),
  };
  const answer = await (await session.master()).ask('keys.token-new', request);
  await emit(session, answer, () => `${answer.token}\n`);
  session.note(
    `${answer.name}, good until ${formatInstant(answer.expiresAt)}; give it to the minion as join_token, or in EDGE_JOIN_TOKEN`,
  );
  return EXIT.done;
}

async function listTokens(session: Session): Promise<ExitCode> {
  const { tokens } = await (await session.master()).ask('keys.token-ls', {});
  const view = { now: session.io.clock.now(), relative: session.io.stdout.isTty };
  const isGood = ({ usesLeft, expiresAt }: JoinToken): boolean => usesLeft > 0 && expiresAt > view.now;
  const rows: readonly Column<JoinToken>[] = [
    { name: 'name', value: (row) => row.name },
    { name: 'ids', value: (row) => row.ids },
    { name: 'role', value: (row) => row.role ?? '-' },
    { name: 'uses left', value: (row) => String(row.usesLeft) },
    { name: 'expires', value: (row) => formatInstant(row.expiresAt) },
    { name: 'good', value: (row) => (isGood(row) ? 'yes' : 'no') },
  ];
  await emitList(session, { rows: tokens, columns: rows, nameOf: (row) => row.name, none: 'no join tokens' });
  return EXIT.done;
}
