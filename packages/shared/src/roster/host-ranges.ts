/** `web[01:20]` and `[a:f]`, also with a step, as lists of names (Ansible, `expand_hostname_range`). @throws RangeError */
export function expandHostRange(pattern: string): readonly string[] {
  const match = /^(.*?)\[([^\]:]*):([^\]:]+)(?::(\d+))?\](.*)$/s.exec(pattern);
  if (match === null) return [pattern];
  const [, before = '', from = '', to = '', step = '1', behind = ''] = match;
  const rest = expandHostRange(behind);
  return partsOf(from === '' ? '0' : from, to, Number(step)).flatMap((part) =>
    rest.map((end) => `${before}${part}${end}`),
  );
}

/** More is a mistake. */
const MOST_HOSTS = 65_536;

function partsOf(from: string, to: string, step: number): readonly string[] {
  const isLetters = /^[a-zA-Z]$/.test(from) && /^[a-zA-Z]$/.test(to);
  if (!isLetters && !(/^\d+$/.test(from) && /^\d+$/.test(to))) {
    throw new RangeError(`\`[${from}:${to}]\` is no range of numbers or letters`);
  }
  const [first, last] = isLetters ? [from.charCodeAt(0), to.charCodeAt(0)] : [Number(from), Number(to)];
  if (first > last) throw new RangeError(`\`[${from}:${to}]\` ends before it begins`);
  if (step < 1 || (last - first) / step > MOST_HOSTS) throw new RangeError(`\`[${from}:${to}]\` is too large`);
  const parts: string[] = [];
  for (let at = first; at <= last; at += step) {
    // A zero in front says how wide the numbers are.
    parts.push(isLetters ? String.fromCharCode(at) : String(at).padStart(from.startsWith('0') ? from.length : 0, '0'));
  }
  return parts;
}
