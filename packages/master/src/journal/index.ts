export { isDamaged } from './damaged.ts';
export { type JetStreamJournalOptions, openEntryReader, openJetStreamJournal } from './jetstream-journal.ts';
export type { Journal, JournalEntry, Revision } from './journal.ts';
export { createMemoryJournal } from './memory-journal.ts';
export { sealedJournal, withSecrets } from './sealed-journal.ts';
