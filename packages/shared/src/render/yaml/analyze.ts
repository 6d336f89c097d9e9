import { isBlankOrEnd, isBreak } from './cursor.ts';

/** In which styles a text can be written so that it reads back the same. */
export interface ScalarAnalysis {
  readonly multiline: boolean;
  readonly plainInFlow: boolean;
  readonly plainInBlock: boolean;
  readonly singleQuoted: boolean;
  readonly block: boolean;
}

const ALWAYS_INDICATORS = '#,[]{}&*!|>\'"%@`';
const FLOW_INDICATORS = ',?[]{}';

/** Characters libyaml writes as they are; what is beyond U+FFFF it escapes. */
export function isPrintable(char: string): boolean {
  return /^[\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]$/.test(char);
}

/** Looks a text over, in the manner of libyaml 0.2.5. */
export function analyzeScalar(text: string, allowUnicode: boolean): ScalarAnalysis {
  if (text === '')
    return { multiline: false, plainInFlow: false, plainInBlock: true, singleQuoted: true, block: false };
  const indicators = findIndicators(text);
  const white = findWhiteSpace(text);
  const special = [...text].some((char) => !isPrintable(char) || (!allowUnicode && char > '\x7f'));
  const plain = !white.atEdge && !white.breakThenSpace && !white.spaceThenBreak && !special && !white.anyBreak;
  return {
    multiline: white.anyBreak,
    plainInFlow: plain && !indicators.flow,
    plainInBlock: plain && !indicators.block,
    singleQuoted: !white.breakThenSpace && !white.spaceThenBreak && !special,
    block: !white.trailingSpace && !white.spaceThenBreak && !special,
  };
}

function findIndicators(text: string): { readonly flow: boolean; readonly block: boolean } {
  let flow = text.startsWith('---') || text.startsWith('...');
  let block = flow;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    const followed = isBlankOrEnd(text.charAt(at + 1));
    if (at === 0) {
      if (ALWAYS_INDICATORS.includes(char)) flow = block = true;
      else if (char === '?' || char === ':') {
        flow = true;
        if (followed) block = true;
      } else if (char === '-' && followed) flow = block = true;
    } else if (FLOW_INDICATORS.includes(char)) {
      flow = true;
    } else if (char === ':') {
      flow = true;
      if (followed) block = true;
    } else if (char === '#' && isBlankOrEnd(text.charAt(at - 1))) {
      flow = block = true;
    }
  }
  return { flow, block };
}

function findWhiteSpace(text: string) {
  const first = text.charAt(0);
  const last = text.charAt(text.length - 1);
  return {
    atEdge: first === ' ' || isBreak(first) || last === ' ' || isBreak(last),
    trailingSpace: last === ' ',
    anyBreak: /[\n\r\u0085\u2028\u2029]/.test(text),
    breakThenSpace: /[\n\r\u0085\u2028\u2029] /.test(text),
    spaceThenBreak: / [\n\r\u0085\u2028\u2029]/.test(text),
  };
}
