import { dirname, join, resolve } from 'node:path';
import { type CompilePillarOf, createPillarCompiler, type RuntimeOptions } from '@edge-run/shared/execute';
import type { Mine } from '@edge-run/shared/modules/contract';
import { createDecryption, type Decryption } from '@edge-run/shared/pillar';
import { pillarOpts } from '@edge-run/shared/project';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { LoadedMasterConfig } from '../config/index.ts';
import { pillarFiles } from './files.ts';

/** The pillar compiler of a master. @throws DiagnosticsError for what is wrong in `ext_pillar` */
export function createPillars(
  config: LoadedMasterConfig,
  base: Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>,
  mineOf: (id: string) => Mine,
): CompilePillarOf {
  const folder = dirname(resolve(config.file));
  const { vault, nodegroups } = config;
  return createPillarCompiler({
    files: pillarFiles(config),
    settings: settingsOf(config),
    base,
    mineOf,
    decryption: decryptionOf(config, base.host, folder),
    external: {
      entries: config.ext_pillar,
      services: {
        nodegroups,
        resolvePath: (path) => resolve(folder, path),
        git: {
          base: config.git_pillar_base,
          includes: config.git_pillar_includes,
          updateIntervalMs: config.git_pillar_update_interval * 1000,
          cacheDir: join(config.data_dir, 'git_pillar'),
        },
        ...(vault === undefined ? {} : { vault }),
      },
    },
  });
}

/** Salt's options about pillars, under their names. */
function settingsOf(config: LoadedMasterConfig): PyMap {
  const { pillar_includes_override_sls, ext_pillar_first } = config;
  const { decrypt_pillar, decrypt_pillar_delimiter, decrypt_pillar_default } = config;
  const further = {
    ...{ pillar_includes_override_sls, ext_pillar_first },
    ...{ decrypt_pillar, decrypt_pillar_delimiter, decrypt_pillar_default },
  };
  return new PyMap([...pillarOpts(config), ...(fromPlain(further) as PyMap)]);
}

function decryptionOf(config: LoadedMasterConfig, host: RuntimeOptions['host'], folder: string): Decryption {
  return createDecryption({
    host,
    gpgKeydir: resolve(folder, config.gpg_keydir ?? 'gpgkeys'),
    ageIdentities: config.age_identities.map((file) => resolve(folder, file)),
    mustSucceed: config.gpg_decrypt_must_succeed,
  });
}
