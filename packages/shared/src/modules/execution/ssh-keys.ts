import { EdgeError } from '../../kernel/index.ts';
import { type AuthorizedKey, isCalled, isKeyType, keyType, parseAuthorizedKey } from '../providers/ssh/index.ts';

/** What is said of a key beside the key itself. */
export interface KeyDefaults {
  /** Type as people write it; undefined: that of the key. */
  readonly enc: string | undefined;
  readonly comment: string;
  readonly options: readonly string[];
}

/** A key alone, with what is said of it. @throws EdgeError `EDGE_BAD_ARGUMENT` for what is no key, or one of another type */
export function authorizedKey(key: string, { enc, comment, options }: KeyDefaults): AuthorizedKey {
  return { options, enc: requireType(key, enc), key, comment };
}

/**
 * Reads `[options] type key [comment]`, or `key [comment]`; what the text itself says wins over the defaults (Salt 3006
 * states/ssh_auth.py, present). @throws EdgeError `EDGE_BAD_ARGUMENT`
 */
export function readKeyText(text: string, defaults: KeyDefaults): AuthorizedKey {
  const whole = parseAuthorizedKey(text);
  if (whole !== undefined) {
    requireType(whole.key, whole.enc);
    return {
      ...whole,
      comment: whole.comment || defaults.comment,
      options: whole.options.length > 0 ? whole.options : defaults.options,
    };
  }
  const [, key = '', comment = ''] = /^\s*(\S*)\s*(.*?)\s*$/.exec(text) ?? [];
  if (isKeyType(key)) throw notAKey(comment.split(/\s/)[0]!);
  return authorizedKey(key, { ...defaults, comment: comment || defaults.comment });
}

/** The type of a key, which must be what people call `enc`. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function requireType(key: string, enc: string | undefined): string {
  const type = keyType(key);
  if (type === undefined) throw notAKey(key);
  if (enc !== undefined && !isCalled(type, enc))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `the key ${shortened(key)} is of the type ${type}, and not ${enc}`,
      { enc, type },
      { hint: `Write enc: ${type}, or leave it out.` },
    );
  return type;
}

function notAKey(key: string): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `Invalid public ssh key: ${shortened(key)}`,
    { key },
    { hint: 'Give what the .pub file holds: type, base64, comment. A key that was cut off is none.' },
  );
}

function shortened(key: string): string {
  return key.length > 40 ? `${key.slice(0, 20)}…${key.slice(-12)}` : key;
}
