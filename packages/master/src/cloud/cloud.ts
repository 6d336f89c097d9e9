import { PyMap } from '@edge-run/shared/values';

/** A host as a pillar declares it. */
export interface HostDeclaration {
  readonly id: string;
  readonly role: string;
  readonly environment: string;
  readonly address: string;
  /** Folder that holds everything of the host. */
  readonly home: string;
  /** Further grains. */
  readonly grains: PyMap;
}

/** What provisioning did about one host. */
export type Provisioned = 'present' | 'started' | 'created';

/** Brings hosts up. Drivers: `local` (processes of this machine) and `roster` (hosts that exist already). */
export interface CloudDriver {
  readonly kind: string;
  /** Makes sure that the host exists and answers; repeating it is harmless. @throws EdgeError when it does not come up */
  provision(
    host: HostDeclaration,
    options: { readonly deadlineMs: number; readonly signal: AbortSignal },
  ): Promise<Provisioned>;
  /** What `provision` would do; changes nothing. @throws EdgeError when it could not bring the host up */
  foresee(host: HostDeclaration): Promise<Provisioned>;
}

/** What a host that was brought up tells of itself because it was told so. */
export function declaredGrains({ role, environment, address, home, grains }: HostDeclaration): PyMap {
  return new PyMap([
    ...([
      ['role', role],
      ['environment', environment],
      ['pillarenv', environment],
      ['address', address],
      ['home', home],
    ] as const),
    ...grains,
  ]);
}
