/** The version of Edge; `test.version`, the grain `edgeversion`. */
export const EDGE_VERSION = '0.1.0';
