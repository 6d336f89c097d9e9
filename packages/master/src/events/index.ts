export { type Events, type EventsOptions, type NewEvent, openEvents } from './events.ts';
