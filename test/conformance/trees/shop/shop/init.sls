{%- from "./map.jinja" import shop, merged with context %}
{%- from "shop/macros.jinja" import entry, listing %}
{%- set total = namespace(count=0) %}
include:
  - {{ slsdotpath }}.config

{{ entry('shop-package', 'pkg.installed', shop.pkg) }}
{%- for name, vhost in shop.get('vhosts', {}).items() if vhost.get('enabled', True) %}
  {%- set total.count = total.count + 1 %}
{{ entry(name ~ '-' ~ loop.index, 'file.managed', shop.paths.etc ~ '/' ~ name, port=vhost.port|default(shop.port)) }}
{%- else %}
# none
{%- endfor %}
# {{ total.count }} of {{ shop.vhosts|length }}: {{ listing(shop.vhosts.keys()|sort) }}
# {{ tpldir }} {{ tplfile }} {{ slspath }} {{ merged == shop }} {{ merged is sameas shop }}
# {{ shop.paths }} {{ shop['modules'] }} {{ shop.ratio }} {{ shop.none }} {{ 'a' if shop.ratio > 1 }}
