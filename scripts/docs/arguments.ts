import { z } from 'zod';

/** The parts of JSON Schema that descriptions are made from. */
export interface Schema {
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema | boolean;
  readonly prefixItems?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
}

/** One line of a table of arguments. */
export interface ArgumentRow {
  readonly name: string;
  readonly type: string;
  /** JSON of the default; undefined where there is none. */
  readonly fallback: string | undefined;
  readonly isRequired: boolean;
  readonly description: string;
}

/** The bounds zod gives every integer; they say nothing. */
const SAFE = Number.MAX_SAFE_INTEGER;

/** What a schema takes, as a caller writes it, as JSON Schema. */
export function inputSchema(schema: z.ZodType): Schema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
}

/** What a schema answers once it has parsed, as JSON Schema. */
export function outputSchema(schema: z.ZodType): Schema {
  return z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Schema;
}

/** The members of a mapping, in order of declaration; those of mappings inside it follow it. */
export function argumentRows(schema: Schema, prefix = ''): readonly ArgumentRow[] {
  return memberRows(schema, prefix, innerRows);
}

/** As `argumentRows`; of a setting with several forms those of each, and those of what stands below names of the author's. */
export function settingRows(schema: Schema): readonly ArgumentRow[] {
  return memberRows(schema, '', innerSettings);
}

type InnerRows = (member: Schema, name: string) => readonly ArgumentRow[];

function memberRows(schema: Schema, prefix: string, rowsOf: InnerRows): readonly ArgumentRow[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const inner = rowsOf(member, `${prefix}${name}`);
    const row: ArgumentRow = {
      name: `${prefix}${name}`,
      type: typeText(member),
      // A mapping whose members are listed below has their defaults.
      fallback: member.default === undefined || inner.length > 0 ? undefined : JSON.stringify(member.default),
      isRequired: required.has(name),
      description: member.description ?? '',
    };
    return [row, ...inner];
  });
}

/** Members of a mapping, or of the mappings in a list: `outer.inner`, `outer[].inner`. */
function innerRows(member: Schema, name: string): readonly ArgumentRow[] {
  if (typeof member.items === 'object') return argumentRows(member.items, `${name}[].`);
  return argumentRows(member, `${name}.`);
}

/** As `innerRows`, of every form; `outer.NAME.inner` below a name of the author's. */
function innerSettings(member: Schema, name: string): readonly ArgumentRow[] {
  const forms = [...(member.anyOf ?? []), ...(member.oneOf ?? [])];
  const { items, additionalProperties } = member;
  return unique([
    ...forms.flatMap((form) => ofForm(form, name)),
    ...(typeof items === 'object' ? innerSettings(items, `${name}[]`) : []),
    ...(typeof additionalProperties === 'object' ? innerSettings(additionalProperties, `${name}.NAME`) : []),
    ...memberRows(member, `${name}.`, innerSettings),
  ]);
}

/** The rows of one of several forms; where a member says which form it is, the others say so too. */
function ofForm(form: Schema, name: string): readonly ArgumentRow[] {
  const rows = innerSettings(form, name);
  const kind = Object.entries(form.properties ?? {}).find(([, member]) => typeof member.const === 'string');
  // What another form does without is not required.
  if (kind === undefined) return rows.map((row) => ({ ...row, isRequired: false }));
  const said = `\`${kind[0]}: ${String(kind[1].const)}\``;
  return rows.map((row) =>
    row.name === `${name}.${kind[0]}` ? row : { ...row, description: `With ${said}. ${row.description}`.trim() },
  );
}

/** One row of those that are alike: a setting alone, and the same in a list of them. */
function unique(rows: readonly ArgumentRow[]): readonly ArgumentRow[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const text = JSON.stringify({ ...row, name: row.name.replaceAll('[]', '') });
    if (seen.has(text)) return false;
    seen.add(text);
    return true;
  });
}

/** The type in words: `text`, `list of text`, `yes or no`, `a | b`. */
function typeText(schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeText))].join(' or ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (typeof schema.type !== 'string') {
    return schema.type === undefined
      ? 'any value'
      : schema.type.map((type) => typeText({ ...schema, type })).join(' or ');
  }
  return typeWords(schema, schema.type);
}

function typeWords(schema: Schema, type: string): string {
  switch (type) {
    case 'string':
      return 'text';
    case 'boolean':
      return 'boolean';
    case 'integer':
      return `whole number${bounds(schema)}`;
    case 'number':
      return `number${bounds(schema)}`;
    case 'array':
      return arrayText(schema);
    case 'object':
      return objectText(schema);
    default:
      return type;
  }
}

function arrayText({ prefixItems, items }: Schema): string {
  if (prefixItems !== undefined) return `[${prefixItems.map(typeText).join(', ')}]`;
  return typeof items === 'object' ? `list of ${typeText(items)}` : 'list';
}

function objectText({ properties, additionalProperties }: Schema): string {
  if (properties !== undefined || typeof additionalProperties !== 'object') return 'mapping';
  return `mapping to ${typeText(additionalProperties)}`;
}

function bounds({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema): string {
  const parts = [
    ...(minimum === undefined || minimum === -SAFE ? [] : [`from ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(maximum === undefined || maximum === SAFE ? [] : [`to ${maximum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`]),
  ];
  return parts.length === 0 ? '' : ` ${parts.join(' ')}`;
}
