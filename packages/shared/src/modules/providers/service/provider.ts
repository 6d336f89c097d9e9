import type { Host } from '../../../host/index.ts';
import type { ModuleContext } from '../../contract/index.ts';

/** How a service stands. */
export interface ServiceLook {
  /** False: the host knows no service of that name. */
  readonly known: boolean;
  readonly running: boolean;
  /** Started at boot. */
  readonly enabled: boolean;
  /** Cannot be started by anybody; absent where services have no masks. */
  readonly masked?: boolean;
}

/** What can be done to a service that is not its start at boot. */
export type ServiceAction = 'start' | 'stop' | 'restart' | 'reload';

/** A mask as it should be. */
export interface ServiceMask {
  readonly masked: boolean;
  /** Only until the host is started again. */
  readonly untilReboot: boolean;
}

/** One way services are kept on hosts. */
export interface ServiceProvider {
  /** Name for messages. */
  readonly kind: string;
  look(ctx: ModuleContext, name: string): Promise<ServiceLook>;
  /** Names of all services, sorted. */
  list(ctx: ModuleContext): Promise<readonly string[]>;
  /** Resolves when it is done and the service is as asked. @throws EdgeError with what the service said. */
  act(ctx: ModuleContext<Host>, name: string, action: ServiceAction): Promise<void>;
  setEnabled(ctx: ModuleContext<Host>, name: string, enabled: boolean): Promise<void>;
  /** Keeps a service from being started by anybody, or lets it again; absent where services have no masks. */
  setMasked?(ctx: ModuleContext<Host>, name: string, wanted: ServiceMask): Promise<void>;
}
