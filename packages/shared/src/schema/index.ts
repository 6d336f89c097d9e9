export { type CallArguments, parseArguments } from './arguments.ts';
export { anyValue, type Declaration, takesRawValue, takesText } from './declaration.ts';
export type { KnownNames } from './known-names.ts';
export { didYouMean, nearest } from './suggest.ts';
export { readWords, type Word, type WordArguments, type WordReaders } from './words.ts';
