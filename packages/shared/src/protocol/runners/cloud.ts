import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap } from '../../values/index.ts';
import { runner } from './runner.ts';

/** Runners that bring hosts up. */
export const cloudRunnerDeclarations = {
  'cloud.provision': runner({
    name: 'cloud.provision',
    summary: 'Brings up every host that is missing and waits until each of them takes jobs.',
    returns: 'Id → `present`, `started` or `created`.',
    args: z.object({
      hosts: anyValue().describe('Mapping: id → role, address, home and, if wished, grains.'),
      environment: z.string().describe('Environment the hosts belong to: a grain, and their pillarenv.'),
      timeout: z.number().positive().default(60).describe('Seconds within which a host must be up.'),
    }),
    examples: [
      {
        title: 'one application server',
        args: {
          environment: 'prod',
          hosts: new PyMap([
            [
              'app1',
              new PyMap([
                ['role', 'app'],
                ['address', '192.0.2.10'],
              ]),
            ],
          ]),
        },
      },
    ],
  }),
};
