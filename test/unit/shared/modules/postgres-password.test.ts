import { isKeptPassword, keptPassword, passwordForm } from '@edge-run/shared/modules/providers/postgres';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('what a server keeps for a password', () => {
  it('is recognised, and that of another is not', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom('md5', 'scram-sha-256'), (password, other, form) => {
        const kept = keptPassword(password, 'ann', form);
        expect(passwordForm(kept)).toBe(form);
        expect(isKeptPassword(kept, password, 'ann')).toBe(true);
        if (password.normalize('NFKC') !== other.normalize('NFKC'))
          expect(isKeptPassword(kept, other, 'ann')).toBe(false);
        expect(keptPassword(kept, 'ann', form)).toBe(kept);
      }),
      { numRuns: 10 },
    );
  });
  it.each(['', 'secret', 'md5', `md5${'0'.repeat(31)}`, 'SCRAM-SHA-256$4096:SALT'])('%j is none', (text) => {
    expect(passwordForm(text)).toBeUndefined();
    expect(isKeptPassword(text, 'secret', 'ann')).toBe(false);
  });
});
