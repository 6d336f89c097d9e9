/** Defaults by operating system with the pillar over them. */
export const MAP_FILE = `{%- set families = {
  'Debian': {'pkg': 'shop-deb', 'www': '/srv/www', 'service': 'shop'},
  'RedHat': {'pkg': 'shop-rpm', 'www': '/var/www', 'service': 'shopd'},
} -%}
{%- set shop = {'port': 80, 'users': {}, 'log': '/var/log/shop'} -%}
{%- do shop.update(families.get(grains.os_family, families['Debian'])) -%}
{%- do shop.update(pillar.get('shop', {})) -%}
`;

export const MACROS_FILE = `{%- macro file(id, name, mode='0644', requires=[]) %}
{{ id }}:
  file.managed:
    - name: {{ name }}
    - mode: '{{ mode }}'
    - user: {{ caller() if caller is defined else 'root' }}
{%- if requires %}
    - require:
{%- for item in requires %}
      - {{ item.kind }}: {{ item.id }}
{%- endfor %}
{%- endif %}
{%- endmacro %}
{%- macro user(name, options) %}
user-{{ name }}:
  user.present:
    - name: {{ name }}
    - uid: {{ options.uid|default(1000)|int }}
{%- endmacro %}
`;

/** An SLS of \`count\` ids, written as people do: a loop with a condition, macros, filters, values of the map. */
export function sls(count: number): string {
  return `{%- from 'shop/map.jinja' import shop %}
{%- from 'shop/macros.jinja' import file, user %}
{%- set state = namespace(last='') %}
{%- for n in range(${count}) %}
  {%- set id = 'site-%03d'|format(n) %}
  {%- if n is divisibleby 2 %}
    {%- set requires = [{'kind': 'file', 'id': state.last}] if state.last else [] %}
{{ file(id, shop.www ~ '/' ~ id ~ '.conf', requires=requires) }}
    {%- set state.last = id %}
  {%- else %}
    {%- call file(id, shop.log ~ '/' ~ id|upper, mode='0600') %}www-{{ loop.index % 7 }}{% endcall %}
  {%- endif %}
    - context:
        port: {{ shop.port + n }}
        roles: {{ grains['roles']|join(',') }}
        first: {{ loop.first|lower }}
{%- endfor %}
{%- for name, options in shop.users.items()|sort %}
{{ user(name, options) }}
{%- endfor %}
`;
}

const LOOP = (body: string): string =>
  `{% for i in range(100000) %}{% for j in range(100000) %}${body}{% endfor %}{% endfor %}`;

/** Lists of two that are one and the same, forty deep: small to hold and without an end to walk. */
const DOUBLING = (body: string): string =>
  `{% set a = namespace(x=[1], y=[1], t=(1,)) %}{% for i in range(40) %}{% set a.x = [a.x, a.x] %}{% set a.y = [a.y, a.y] %}` +
  `{% set a.t = (a.t, a.t) %}{% endfor %}${body}`;

/** Templates that never end by themselves, or ask for much at once; each until its deadline. */
export const RUNAWAYS: readonly (readonly [name: string, text: string])[] = [
  ['endless loop', LOOP('x')],
  ['sorting', LOOP('{% set x = range(100000)|list|reverse|sort %}')],
  ['sorting texts', LOOP("{% set x = range(100000)|map('string')|sort|unique|list %}")],
  ['grouping', LOOP("{% set x = range(100000)|batch(2)|groupby('0')|list %}")],
  ['joining', LOOP("{% set x = range(100000)|join(',') %}{% set y = x.split(',') %}")],
  ['permutations', LOOP('{% set x = range(12)|list|permutations|list %}')],
  ['long text', LOOP("{% set x = ('ab' * 5000000)|upper|replace('A', 'b') %}")],
  ['dumping', LOOP('{% set x = range(50000)|list|yaml %}')],
  ['json', LOOP('{% set x = range(100000)|list|json|load_json %}')],
  ['loading yaml', LOOP("{% set x = ('- a\\n' * 50000)|load_yaml %}")],
  ['endless macro', '{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}'],
  ['difference of lists', LOOP('{% set x = range(30000)|list|difference(range(30000)|list) %}')],
  ['deep unary expression', `{{ ${'-'.repeat(100_000)}1 }}`],
  ['long expression', `{{ ${'1 + '.repeat(20_000)}1 }}`],
  [
    'methods of long texts',
    LOOP("{% set t = 'ab c\\n' * 790000 %}{% set x = t.split() %}{% set y = t.splitlines() %}"),
  ],
  ['slices of long texts', LOOP("{% set t = 'ab c\\n' * 3000000 %}{% set x = t[1:] == t[2:] or t[5:] in t %}")],
  ['printing long texts', LOOP("{{ ['ab c\\n' * 500000] }}")],
  ['comparing shared lists', DOUBLING('{% if a.x == a.y %}{% endif %}')],
  ['printing shared lists', DOUBLING('{{ a.x }}')],
  ['keys of shared tuples', DOUBLING('{% set k = {a.t: 1} %}')],
  ['one long row', `{% set t = 'ab ' * 5000000 %}${'{{ (t[1:] ~ t[2:5])|length }}'.repeat(2_000)}`],
  ['wrapping', LOOP("{% set x = ('ab' * 9000)|wordwrap(10) %}")],
];
