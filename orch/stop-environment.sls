#!jinja|yaml
# Stops the services of an environment: the load balancer first, so that nobody is sent to a server that is going away.
# Hosts and data stay; deploy-environment brings everything back.
#
#   edge-run orch stop-environment pillarenv=test
{% from "orch/map.jinja" import entry, app_servers, database_hosts with context %}

stop-load-balancer:
  salt.function:
    - name: service.stop
    - arg:
      - haproxy
    - tgt: {{ entry.host }}
    - failhard: True

stop-application-servers:
  salt.function:
    - name: service.stop
    - tgt: {{ app_servers | json }}
    - arg:
      - supervisor
    - failhard: True

{%- for database_host in database_hosts | reverse %}
# Standbys before their master.
stop-{{ database_host }}:
  salt.function:
    - name: service.stop
    - tgt: {{ database_host }}
    - arg:
      - postgresql
    - failhard: True
{%- endfor %}
