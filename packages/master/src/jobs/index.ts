export type { Dispatcher, DispatchRequest } from './dispatcher.ts';
