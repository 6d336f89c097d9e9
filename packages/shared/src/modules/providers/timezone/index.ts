export { type ClockTime, clockOf, hardwareClock, setClock, setHardwareClock } from './hwclock.ts';
export { findZone, getZone, hasZone, isInZone, setZone } from './zone.ts';
