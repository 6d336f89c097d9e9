import { type Compiled, requireCompiled } from '@edge-run/shared/kernel';
import { explainPillar, judgeOrigins, type PillarLayer } from '@edge-run/shared/pillar';
import type { PillarExplanation } from '@edge-run/shared/protocol';
import { encodeValue, type PyMap, secretsIn, traverse } from '@edge-run/shared/values';

/** A pillar that was compiled for an explanation. */
export type LayeredPillar = Compiled<PyMap> & { readonly layers?: readonly PillarLayer[] };

/** Says where the value at a path of a pillar comes from. @throws DiagnosticsError for a pillar that does not compile */
export function explainValue(pillar: LayeredPillar, key: string, strategy: string): PillarExplanation {
  const result = traverse(requireCompiled(pillar), key);
  const origins = explainPillar(pillar.layers ?? [], key);
  const effects = judgeOrigins(origins, result);
  return {
    ...(result === undefined ? {} : { value: encodeValue(result) }),
    secret: result !== undefined && secretsIn(result).length > 0,
    strategy,
    origins: origins.map(({ source, environment, place, value }, index) => ({
      source,
      ...(environment === undefined ? {} : { environment }),
      ...(place === undefined ? {} : { file: place.file, line: place.line }),
      value: encodeValue(value),
      secret: secretsIn(value).length > 0,
      effect: effects[index]!,
    })),
  };
}
