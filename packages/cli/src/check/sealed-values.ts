import type { Decryption } from '@edge-run/shared/pillar';

/** What templates see in place of an encrypted value: the keys are the master's alone. */
const STAND_IN = 'sealed-value';

const reader = (name: string, label: string) => ({
  name,
  armor: new RegExp(`-----BEGIN ${label}-----.*?-----END ${label}-----`, 'gs'),
  decrypt: async () => new TextEncoder().encode(STAND_IN),
});

/** Reads every encrypted value as the same text, without any key. */
export const SEALED: Decryption = {
  mustSucceed: false,
  decryptors: new Map([
    ['gpg', reader('gpg', 'PGP MESSAGE')],
    ['age', reader('age', 'AGE ENCRYPTED FILE')],
  ]),
};
