export { readWords, type Word, type WordArguments, type WordReaders } from './words.ts';
