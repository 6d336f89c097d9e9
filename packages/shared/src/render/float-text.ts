/** A float as Python's `repr` writes it: shortest digits, `1.0`, `1e+16`, `1e-05`, `inf`, `nan`. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [, sign, lead, rest = '', power] = /^(-?)(\d)(?:\.(\d+))?e([-+]\d+)$/.exec(value.toExponential())!;
  const exponent = Number(power);
  const minus = sign !== '' || Object.is(value, -0) ? '-' : '';
  const digits = lead! + rest;
  if (exponent < -4 || exponent >= 16) {
    const fraction = rest === '' ? '' : `.${rest}`;
    return `${minus}${lead}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (exponent < 0) return `${minus}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${minus}${whole}.${digits.slice(exponent + 1) || '0'}`;
}
