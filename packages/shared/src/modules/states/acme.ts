import { z } from 'zod';
import { changesOf, defineState, inSync, refused, type StateModule } from '../contract/index.ts';
import { certificateArgs, getCertificate, isDue, keyFile, ownershipOf } from '../execution/acme.ts';
import { applyOwnership, ownershipDrift } from '../operations/index.ts';
import { certificateEnd, hasCertificate, isoText } from '../providers/acme/index.ts';

/** Certificates of an ACME authority as they should be. */
export const acmeStates: readonly StateModule[] = [
  defineState({
    name: 'acme.cert',
    summary: 'Ensure the host has a certificate of an ACME authority whose end is not near.',
    effect: 'repair',
    needs: ['openssl'],
    args: z.object(certificateArgs),
    examples: [
      {
        title: 'answered by the web server',
        args: { name: 'example.com', aliases: ['www.example.com'], email: 'jane@example.com', webroot: '/srv/www' },
      },
    ],
    async check(args, { host }) {
      if (args.server !== undefined && args.test_cert) return refused('Use either server or test_cert, not both');
      const certname = args.certname ?? args.name;
      const isThere = await hasCertificate(host, certname);
      if (!isThere || (await isDue(host, certname, args.renew)))
        return changesOf({
          what: `Certificate ${certname} ${isThere ? 'renewed' : 'obtained'}`,
          before: isThere ? isoText(await certificateEnd(host, certname)) : null,
          after: 'new certificate',
          async apply(ctx) {
            await getCertificate(ctx.host, args, { isRenewal: isThere });
            const notAfter = isoText(await certificateEnd(ctx.host, certname));
            // Whoever renews in any case would find the new one due again: it is looked at here.
            const isGood = args.renew === 'force' || !(await isDue(ctx.host, certname, args.renew));
            return {
              result: isGood,
              comment: isGood
                ? `Certificate ${certname} ${isThere ? 'renewed' : 'obtained'}: it ends at ${notAfter}`
                : `Certificate ${certname} ends at ${notAfter}, which is within the ${args.renew} days of renew`,
            };
          },
        });
      const path = await keyFile(host, args);
      const found = await host.stat(path);
      const drift = found === undefined ? {} : ownershipDrift(found, ownershipOf(args));
      if (Object.keys(drift).length === 0) return inSync(`Certificate ${certname} exists and does not need renewal.`);
      return changesOf({
        what: `private key ${path}: ${Object.entries(drift)
          .map(([key, value]) => `${key} ${value}`)
          .join(', ')}`,
        before: { mode: found?.mode.toString(8), user: found?.user, group: found?.group },
        after: drift,
        changes: drift,
        async apply(ctx) {
          await applyOwnership(ctx.host, path, ownershipOf(args));
          return undefined;
        },
      });
    },
  }),
];
