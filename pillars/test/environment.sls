# The machines of the test environment: the same roles, fewer of each.
{% from "fleet.jinja" import host_list with context %}
environment: test
hosts: {{ host_list('test', [
  ('lb1',  'lb',  110),
  ('app1', 'app', 111),
  ('app2', 'app', 112),
  ('db1',  'db',  121),
]) }}
