{% include "lib/missing.jinja" %}
