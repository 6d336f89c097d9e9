#!jinja|yaml
# Brings an environment up and rolls the pillar's revision of the shop out, one application server at a time.
#
#   edge-run orch deploy-environment pillarenv=prod
#   edge-run orch deploy-environment pillarenv=prod pillar='{"shop": {"revision": "v3"}}'
#
# Everything may be repeated: what is as it should be is left alone. A failing step ends the run where it is.
{% from "orch/map.jinja" import environment, hosts, shop, balancer, database_hosts, app_servers, entry, front with context %}
{% set revision = salt['pillar.get']('shop:revision', 'v1') %}

provision-hosts:
  salt.runner:
    - name: cloud.provision
    - hosts: {{ hosts | json }}
    - environment: {{ environment }}
    - failhard: True

{% for database_host in database_hosts %}
# Standbys copy the master's data, so the master comes first.
database-{{ database_host }}:
  salt.state:
    - tgt: {{ database_host }}
    - sls: postgresql
    - failhard: True
{% endfor %}

application-servers:
  salt.state:
    - tgt: 'G@environment:{{ environment }} and G@role:app'
    - tgt_type: compound
    - highstate: True
    - failhard: True

load-balancer:
  salt.state:
    - tgt: {{ entry.host }}
    - highstate: True
    - failhard: True

{#- A server that is healthy and runs the revision already stays as it is. -#}
{%- for app_server in app_servers %}
{%-   set home = hosts[app_server].home %}
{%-   set health_url = 'http://' ~ hosts[app_server].address ~ ':' ~ shop.port ~ '/health' %}
{%-   set now = salt['http.query'](health_url, decode=True, raise_error=False, timeout=2) %}
{%-   if now.get('status') != 200 or now.get('dict', {}).get('revision') != revision %}

# {{ app_server }}: out of the load balancer, until nobody is being served any more
drain-{{ app_server }}:
  lb.drain:
    - balancer: shop
    - member: {{ app_server }}
    - deadline: {{ balancer.drain_timeout }}
    - failhard: True

stop-{{ app_server }}-shop:
  salt.function:
    - name: supervisord.stop
    - arg:
      - shop
    - kwarg:
        conf_file: {{ home }}/supervisor/supervisord.conf
    - tgt: {{ app_server }}
    - failhard: True

fetch-{{ app_server }}:
  salt.function:
    - tgt: {{ app_server }}
    - name: git.fetch
    - kwarg:
        cwd: {{ home }}/shop
        opts: --tags --force
    - failhard: True

checkout-{{ app_server }}:
  salt.function:
    - name: git.checkout
    - tgt: {{ app_server }}
    - kwarg:
        cwd: {{ home }}/shop
        # In quotes: YAML would make a number of a hash that is all digits.
        rev: "{{ revision }}"
        force: True
    - failhard: True

packages-{{ app_server }}:
  salt.function:
    - name: npm.install
    - tgt: {{ app_server }}
    - kwarg:
        dir: {{ home }}/shop
    - failhard: True

build-{{ app_server }}:
  salt.function:
    - name: cmd.run
    - tgt: {{ app_server }}
    - arg:
      - >
        npm run --silent build --
        --revision={{ revision }}
    - kwarg:
        cwd: {{ home }}/shop
    - failhard: True

start-{{ app_server }}-shop:
  salt.function:
    - name: supervisord.start
    - arg:
      - shop
    - kwarg:
        conf_file: {{ home }}/supervisor/supervisord.conf
    - tgt: {{ app_server }}
    - failhard: True

health-{{ app_server }}:
  http.wait_for_successful_query:
    - name: {{ health_url }}
    - match: '"revision":"{{ revision }}"'
    - status: 200
    - wait_for: 15
    - request_interval: 0.3
    - failhard: True
{%-   endif %}

# Back in: waits until the load balancer itself calls the server up.
enable-{{ app_server }}:
  lb.enable:
    - balancer: shop
    - member: {{ app_server }}
    - deadline: 30
    - failhard: True
{%- endfor %}

smoke-test:
  http.wait_for_successful_query:
    - name: {{ front }}/health
    - match: '"revision":"{{ revision }}"'
    - status: 200
    - wait_for: 10
    - request_interval: 0.3
    - failhard: True
