import { createSshFleet, type SshFleet, type SshHost, sshTarget } from '@edge-run/master/ssh';
import { type SshdOptions, startSshd } from './sshd.ts';

/** This machine as hosts that are reached over SSH, under any id. */
export interface SshMachine {
  /** The host of that id, connected; each id has a connection of its own. */
  hostOf(id: string): Promise<SshHost>;
  stop(): Promise<void>;
}

/** Starts a sshd and makes hosts of it. */
export async function startSshMachine(options: SshdOptions = {}): Promise<SshMachine> {
  const sshd = await startSshd(options);
  const { host, port, user, keyFile, knownHostsFile } = sshd;
  /** id → a fleet of one */
  const fleets = new Map<string, SshFleet>();
  const fleetOf = (id: string): SshFleet => {
    const known = fleets.get(id);
    if (known !== undefined) return known;
    const roster = [sshTarget({ id, host, port, user, keyFiles: [keyFile] })];
    const fleet = createSshFleet({ roster, hostKeys: { files: [knownHostsFile] } });
    fleets.set(id, fleet);
    return fleet;
  };
  return {
    hostOf: (id) => fleetOf(id).host(id),
    stop: async () => {
      for (const fleet of fleets.values()) await fleet.close();
      await sshd.stop();
    },
  };
}
