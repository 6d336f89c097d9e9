{% set colour = 'green' %}
{% import 'lib/module.jinja' as bare %}{% import 'lib/module.jinja' as full with context %}
{{ bare.name }} {{ full.name }} {{ bare.colour is defined }}
{% include 'lib/part.jinja' %}|{% include 'lib/part.jinja' without context %}|{% include ['nothing', 'lib/part.jinja'] %}
{% include 'lib/nothing.jinja' ignore missing %}
{% for n in range(10) if n is odd %}{% if n == 7 %}{% break %}{% endif %}{{ loop.index }}:{{ n }}{{ loop.changed(n > 3) }} {% endfor %}
{% call(x) bare.twice() %}<{{ x }}>{% endcall %}
{%- raw %}{{ raw }}{% endraw %}
{% set block %}  kept {{ colour }}{% endset %}{{ block|trim|upper }}
{% for g in [{'k': 'a', 'v': 1}, {'k': 'B', 'v': 2}, {'k': 'a', 'v': 3}]|groupby('k') %}{{ g.grouper }}={{ g.list|map(attribute='v')|list }} {% endfor %}
