export type { Bus, BusStatus, Received, RequestOptions, SubscribeOptions } from './contract.ts';
