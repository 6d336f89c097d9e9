#!jinja|yaml
# Dumps the database of the master database host, restores the dump beside it and compares the two.
# Which host is master is asked of the hosts themselves, while this file renders: no answer, no backup of the wrong one.
#
#   edge-run orch backup-database pillarenv=prod
{% from "orch/map.jinja" import hosts, database, database_hosts with context %}
{% set ns = namespace(master=None, standby=None) %}
{%- for host in database_hosts
      if salt.saltutil.cmd(host, 'file.search',
           arg=[hosts[host].home ~ '/' ~ database.keepalive_file, 'MASTER']).get(host).get('ret') %}
{%-   if loop.first %}{% set ns.master = host %}{% endif %}
{%-   if not loop.last or loop.length > 1 %}{{ raise('more than one database host says it is the master') }}{% endif %}
{%- endfor %}
{%- if ns.master is none %}{{ raise('none of ' ~ database_hosts | join(', ') ~ ' says it is the master') }}{% endif %}

{%- set home = hosts[ns.master].home %}
{%- set connection = '--host=' ~ hosts[ns.master].address ~ ' --port=' ~ database.port ~ ' --username=' ~ database.superuser ~ ' --no-password' %}
{%- set dump = home ~ '/backups/' ~ database.name ~ '.dump' %}
{%- set fingerprint = "SELECT md5(string_agg(o::text, '|' ORDER BY o.id)) FROM orders AS o" %}
{%- set as_keeper = {'runas': database.user, 'env': {'PGPASSFILE': home ~ '/pgpass'}} %}

dump-{{ ns.master }}:
  salt.function:
    - name: cmd.run
    - tgt: {{ ns.master }}
    - arg:
      - >
        pg_dump {{ connection }} --format=custom --file={{ dump }}.new {{ database.name }}
        && mv {{ dump }}.new {{ dump }}
    - kwarg: {{ as_keeper | json }}
    - failhard: True

restore-{{ ns.master }}:
  salt.function:
    - name: cmd.run
    - tgt: {{ ns.master }}
    - arg:
      - >
        dropdb {{ connection }} --if-exists {{ database.name }}_restored
        && createdb {{ connection }} {{ database.name }}_restored
        && pg_restore {{ connection }} --exit-on-error --dbname={{ database.name }}_restored {{ dump }}
    - kwarg: {{ as_keeper | json }}
    - failhard: True

compare-{{ ns.master }}:
  salt.function:
    - name: cmd.run
    - tgt: {{ ns.master }}
    - arg:
      - >
        original=$(psql {{ connection }} -Atc "{{ fingerprint }}" {{ database.name }})
        && restored=$(psql {{ connection }} -Atc "{{ fingerprint }}" {{ database.name }}_restored)
        && echo "original $original restored $restored"
        && test -n "$original" && test "$original" = "$restored"
    - kwarg: {{ as_keeper | json }}
    - failhard: True

drop-{{ ns.master }}:
  salt.function:
    - name: cmd.run
    - tgt: {{ ns.master }}
    - arg:
      - dropdb {{ connection }} {{ database.name }}_restored
    - kwarg: {{ as_keeper | json }}

announce-backup:
  event.send:
    - name: database/backed-up
    - data:
        host: {{ ns.master }}
        dump: {{ dump }}
    - require:
      - salt: compare-{{ ns.master }}
