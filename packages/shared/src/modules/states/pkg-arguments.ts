import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import type { InstallOptions } from '../providers/pkg/index.ts';

/** Which packages a state means. */
export const packageArgs = {
  name: z.string().describe('Package, unless pkgs is given.'),
  pkgs: anyValue().optional().describe('List of packages; `name: version` asks for a version.'),
};

/** How packages are installed, in Salt's names. */
export const installArgs = {
  fromrepo: z.string().optional().describe('Release or repository to install from: bookworm-backports.'),
  skip_verify: z.boolean().default(false).describe('Take packages that nobody has signed.'),
  install_recommends: z.boolean().optional().describe('Also what they recommend; the host decides where absent.'),
  only_upgrade: z.boolean().default(false).describe('Leave packages alone that are not installed.'),
  force_conf_new: z
    .boolean()
    .default(false)
    .describe('Replace configuration files by new ones, although they were changed.'),
  update_holds: z.boolean().default(false).describe('Also change packages that are held; they stay held.'),
  cache_valid_time: z.number().optional().describe('Accepted for Salt trees; `refresh` alone says whether to refresh.'),
  skip_suggestions: z.boolean().default(false).describe('Accepted for Salt trees; nothing else is suggested.'),
  resolve_capabilities: z.boolean().default(false).describe('Accepted for Salt trees; names are those of packages.'),
  report_reboot_exit_codes: z.boolean().default(true).describe('Accepted for Salt trees; of Windows.'),
};

/** What is given for an installation. */
export type InstallArgs = z.output<z.ZodObject<typeof installArgs>>;

/** The options of an installation, as providers take them. */
export function installOptions(args: InstallArgs): InstallOptions {
  return {
    from: args.fromrepo,
    skipVerify: args.skip_verify,
    recommended: args.install_recommends,
    onlyUpgrade: args.only_upgrade,
    newConfiguration: args.force_conf_new,
    changeHeld: args.update_holds,
  };
}
