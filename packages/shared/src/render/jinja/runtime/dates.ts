import { PyFault } from './fault.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** C's `strftime` in the C locale over the UTC fields of `date`. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]?)([a-zA-Z%])/g, (all: string, flag: string, letter: string) => {
    const text = field(date, letter) ?? all;
    if (flag === '-') return text.replace(/^[0 ]+(?=.)/, '');
    return flag === '^' ? text.toUpperCase() : text;
  });
}

function field(date: Date, letter: string): string | undefined {
  const hour = date.getUTCHours();
  switch (letter) {
    case 'Y':
      return String(date.getUTCFullYear());
    case 'C':
      return two(Math.floor(date.getUTCFullYear() / 100));
    case 'y':
      return two(date.getUTCFullYear() % 100);
    case 'm':
      return two(date.getUTCMonth() + 1);
    case 'd':
      return two(date.getUTCDate());
    case 'e':
      return String(date.getUTCDate()).padStart(2, ' ');
    case 'H':
      return two(hour);
    case 'k':
      return String(hour).padStart(2, ' ');
    case 'I':
      return two(hour % 12 || 12);
    case 'l':
      return String(hour % 12 || 12).padStart(2, ' ');
    case 'M':
      return two(date.getUTCMinutes());
    case 'S':
      return two(date.getUTCSeconds());
    case 'f':
      return String(date.getUTCMilliseconds() * 1000).padStart(6, '0');
    case 'p':
      return hour < 12 ? 'AM' : 'PM';
    case 'a':
      return DAYS[date.getUTCDay()]!.slice(0, 3);
    case 'A':
      return DAYS[date.getUTCDay()];
    case 'b':
    case 'h':
      return MONTHS[date.getUTCMonth()]!.slice(0, 3);
    case 'B':
      return MONTHS[date.getUTCMonth()];
    case 'j':
      return String(dayOfYear(date)).padStart(3, '0');
    case 'w':
      return String(date.getUTCDay());
    case 'u':
      return String(date.getUTCDay() || 7);
    case 'U':
      return two(Math.floor((dayOfYear(date) + 6 - date.getUTCDay()) / 7));
    case 'W':
      return two(Math.floor((dayOfYear(date) + 6 - ((date.getUTCDay() + 6) % 7)) / 7));
    case 'V':
      return two(isoWeek(date).week);
    case 'G':
      return String(isoWeek(date).year);
    case 's':
      return String(Math.floor(date.getTime() / 1000));
    case 'F':
      return strftime(date, '%Y-%m-%d');
    case 'T':
    case 'X':
      return strftime(date, '%H:%M:%S');
    case 'D':
    case 'x':
      return strftime(date, '%m/%d/%y');
    case 'R':
      return strftime(date, '%H:%M');
    case 'r':
      return strftime(date, '%I:%M:%S %p');
    case 'c':
      return strftime(date, '%a %b %e %H:%M:%S %Y');
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'z':
    case 'Z':
      return '';
    case '%':
      return '%';
    default:
      return undefined;
  }
}

function dayOfYear(date: Date): number {
  return (
    Math.floor(
      (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) /
        86_400_000,
    ) + 1
  );
}

function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(
    Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 4 - (date.getUTCDay() || 7)),
  );
  return { year: thursday.getUTCFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}

const FORMS: readonly RegExp[] = [
  /^(?<y>\d{4})-(?<m>\d{1,2})-(?<d>\d{1,2})(?:[T ](?<H>\d{1,2}):(?<M>\d{2})(?::(?<S>\d{2})(?:\.(?<f>\d{1,6}))?)?)?Z?$/,
];

/** The wall-clock time here at `seconds` since the epoch, as the UTC fields of a date: what Python's naive datetimes are. */
export function localTime(seconds: number): Date {
  const instant = new Date(Math.floor(seconds * 1000));
  return new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000);
}

/** The wall-clock time a text names: ISO dates and times, or seconds since the epoch. @throws PyFault for others. */
export function parseDate(text: string): Date {
  const trimmed = text.trim();
  if (/^-?\d+(?:\.\d+)?$/.test(trimmed)) return localTime(Number(trimmed));
  for (const form of FORMS) {
    const groups = form.exec(trimmed)?.groups;
    if (!groups) continue;
    const [y, m, d, H = 0, M = 0, S = 0] = [groups.y, groups.m, groups.d, groups.H, groups.M, groups.S].map((part) =>
      part === undefined ? undefined : Number(part),
    );
    const millis = Number((groups.f ?? '0').padEnd(6, '0').slice(0, 3));
    return new Date(Date.UTC(y!, m! - 1, d!, H, M, S, millis));
  }
  throw new PyFault('RuntimeError', `Unable to parse ${text}. Consider installing timelib`);
}
