import type { Serializers } from '@edge-run/shared/render';
import { fromPlain, toPlain } from '@edge-run/shared/values';
import { dump, load } from 'js-yaml';

/** YAML by js-yaml alone: enough for templates whose meaning does not hang on PyYAML's exact dump. */
export const simpleSerializers: Serializers = {
  loadYaml: (text) => fromPlain(load(text)),
  dumpYaml: (value, { flowStyle }) => dump(toPlain(value), { flowLevel: flowStyle ? 0 : -1, lineWidth: 80 }),
};
