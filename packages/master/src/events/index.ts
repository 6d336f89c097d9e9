export { type Events, type EventsOptions, type NewEvent, openEvents } from './events.ts';
export {
  type EventCursor,
  type EventFeed,
  type FedEvent,
  type FeedStart,
  isCursor,
  type OpenFeed,
  openEventFeed,
} from './feed.ts';
