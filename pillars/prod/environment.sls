# The machines of the production environment. `fleet:home` and `fleet:network` come from the master's configuration.
{% from "fleet.jinja" import host_list with context %}
environment: prod
hosts: {{ host_list('prod', [
  ('lb1',  'lb',  10),
  ('app1', 'app', 11),
  ('app2', 'app', 12),
  ('app3', 'app', 13),
  ('app4', 'app', 14),
  ('db1',  'db',  21),
  ('db2',  'db',  22),
]) }}
