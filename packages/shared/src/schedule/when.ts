/** Days of the week as cron counts them. */
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** What Salt's `when` says, in the words of a schedule. */
export type WhenTiming = { readonly cron: string } | { readonly once: string };

/**
 * Reads Salt's `when`: a time of day (`5:00pm`, `17:00`) is every day, with a weekday in front (`Monday 5:00pm`) every
 * week, an ISO date with a time is once. Undefined for what else Python's dateutil would make something of.
 */
export function readWhen(text: string): WhenTiming | undefined {
  const written = text.trim();
  if (/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?(Z|[+-]\d\d:?\d\d)?$/.test(written)) return { once: written };
  const match = /^(?:([a-z]+),?\s+)?(\d{1,2})(?::(\d\d))?(?::(\d\d))?\s*([ap]m)?$/i.exec(written);
  if (match === null) return undefined;
  const [, dayName, hourText, minute = '0', second = '0', half] = match;
  const day = dayName === undefined ? '*' : dayOf(dayName.toLowerCase());
  const hour = hourOf(Number(hourText), half?.toLowerCase());
  if (day === undefined || hour === undefined || (match[3] === undefined && half === undefined)) return undefined;
  if (Number(minute) > 59 || Number(second) > 59) return undefined;
  const time = `${Number(minute)} ${hour} * * ${day}`;
  return { cron: Number(second) === 0 ? time : `${Number(second)} ${time}` };
}

function dayOf(name: string): string | undefined {
  const index = DAYS.findIndex((day) => day === name || (name.length >= 3 && day.startsWith(name)));
  return index < 0 ? undefined : String(index);
}

function hourOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour < 24 ? hour : undefined;
  return hour >= 1 && hour <= 12 ? (hour % 12) + (half === 'pm' ? 12 : 0) : undefined;
}
