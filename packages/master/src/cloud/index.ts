export { type CloudDriver, declaredGrains, type HostDeclaration, type Provisioned } from './cloud.ts';
export { type CloudInstance, type Ec2Query, listEc2Instances } from './ec2-instances.ts';
export {
  createLocalCloud,
  type LocalCloudOptions,
  type LocalFleetAccess,
  localHomes,
  type SwitchedOn,
  stopLocalHost,
  switchOnLocalHosts,
} from './local.ts';
export { endProcess, isAlive, readProcess, writeProcess } from './process-file.ts';
