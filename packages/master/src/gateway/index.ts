export { fileOperations } from './files.ts';
export { type KeyRotation, rotationOperations } from './rotation.ts';
export { type Caller, type GatewayOptions, type Operation, operation, serveGateway } from './serve.ts';
