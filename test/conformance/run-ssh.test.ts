import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SshMachine, startSshMachine } from '../support/ssh-machine.ts';
import { hasSshd } from '../support/sshd.ts';
import { group } from './groups/run.ts';
import { repositoryRoot, runGroup } from './runner.ts';

describe.skipIf(!hasSshd())(
  hasSshd() ? 'run, over SSH' : 'run, over SSH (no sshd: apt-get install openssh-server)',
  () => {
    let machine: SshMachine;
    beforeAll(async () => {
      machine = await startSshMachine();
    });
    afterAll(() => machine?.stop());

    it('agrees with Salt on every case, and changes the same files', { timeout: 120_000 }, async () => {
      const hostsAsked = new Set<string>();
      const hostOf = (id: string): ReturnType<SshMachine['hostOf']> => {
        hostsAsked.add(id);
        return machine.hostOf(id);
      };
      const summary = await runGroup(group, join(repositoryRoot(), 'test/conformance/cases/run'), { hostOf });
      expect(summary.failures).toEqual([]);
      expect(summary.passed + summary.ignored).toBe(147);
      expect(hostsAsked).toContain('minion1');
    });
  },
);
