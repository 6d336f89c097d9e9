# A database host. The first one of the environment is the master; the others stream from it.
{% set host = pillar.hosts[grains.id] %}
{% set database = pillar.database %}
{% set members = [] %}
{% for id, other in pillar.hosts.items() if other.role == 'db' %}{% do members.append(id) %}{% endfor %}
{% set is_master = members[0] == grains.id %}
{% set master = pillar.hosts[members[0]] %}
{% set programs = salt['cmd.run_stdout']('dirname "$(readlink -f "$(command -v initdb || ls /usr/lib/postgresql/*/bin/initdb | tail -n 1)")"', python_shell=True) %}
{% set data = host.home ~ '/data' %}
{% set to_master = '--host=' ~ master.address ~ ' --port=' ~ database.port ~ ' --username=' ~ database.superuser ~ ' --no-password' %}

{% for folder in ['data', 'backups'] %}
postgresql-{{ folder }}:
  file.directory:
    - name: {{ host.home }}/{{ folder }}
    - user: {{ database.user }}
    - mode: '0700'
    - makedirs: True
{% endfor %}

postgresql-password:
  file.managed:
    - name: {{ host.home }}/password
    - contents_pillar: database:password
    - user: {{ database.user }}
    - mode: '0600'
    - show_changes: False

postgresql-password-of-clients:
  file.managed:
    - name: {{ host.home }}/pgpass
    - contents: '*:*:*:{{ database.superuser }}:{{ database.password }}'
    - user: {{ database.user }}
    - mode: '0600'
    - show_changes: False

postgresql-cluster:
  cmd.run:
{%- if is_master %}
    - name: {{ programs }}/initdb --pgdata={{ data }} --username={{ database.superuser }} --pwfile={{ host.home }}/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
{%- else %}
    - name: {{ programs }}/pg_basebackup {{ to_master }} --pgdata={{ data }} --write-recovery-conf --checkpoint=fast
{%- endif %}
    - runas: {{ database.user }}
    - env:
      - PGPASSFILE: {{ host.home }}/pgpass
    - creates: {{ data }}/PG_VERSION
    - require:
      - file: postgresql-data
      - file: postgresql-password
      - file: postgresql-password-of-clients

postgresql-configuration:
  file.managed:
    - name: {{ data }}/postgresql.conf
    - source: salt://postgresql/files/postgresql.conf.jinja
    - template: jinja
    - context:
        address: {{ host.address }}
        port: {{ database.port }}
    - user: {{ database.user }}
    - mode: '0600'
    - require:
      - cmd: postgresql-cluster

postgresql-access:
  file.managed:
    - name: {{ data }}/pg_hba.conf
    - contents: |
        # Written by Edge; changes made here are lost.
        host all         all 127.0.0.0/8 scram-sha-256
        host replication all 127.0.0.0/8 scram-sha-256
    - user: {{ database.user }}
    - mode: '0600'
    - require:
      - cmd: postgresql-cluster

postgresql-service:
  file.managed:
    - name: {{ host.home }}/services/postgresql.service.json
    - makedirs: True
    - contents: |
        {
          "command": ["{{ programs }}/postgres", "-D", "{{ data }}"],
          "user": "{{ database.user }}",
          "stop_signal": "INT",
          "reload_signal": "HUP",
          "ready": { "tcp": "{{ host.address }}:{{ database.port }}" }
        }

postgresql-running:
  service.running:
    - name: postgresql
    - require:
      - file: postgresql-service
    - watch:
      - file: postgresql-configuration
      - file: postgresql-access

# What tells the hosts apart: see orch/backup-database.sls.
postgresql-keepalive:
  file.managed:
    - name: {{ host.home }}/{{ database.keepalive_file }}
    - contents: {{ 'MASTER' if is_master else 'BACKUP' }}
    - require:
      - service: postgresql-running
{% if is_master %}
{% set connection = '--host=' ~ host.address ~ ' --port=' ~ database.port ~ ' --username=' ~ database.superuser ~ ' --no-password' %}
postgresql-database:
  cmd.run:
    - name: createdb {{ connection }} {{ database.name }}
    - unless: psql {{ connection }} -Atc 'SELECT 1' {{ database.name }}
    - runas: {{ database.user }}
    - env:
      - PGPASSFILE: {{ host.home }}/pgpass
    - require:
      - service: postgresql-running

postgresql-tables-file:
  file.managed:
    - name: {{ host.home }}/tables.sql
    - source: salt://postgresql/files/tables.sql
    - mode: '0644'

postgresql-tables:
  cmd.run:
    - name: psql {{ connection }} --set ON_ERROR_STOP=1 --quiet --file={{ host.home }}/tables.sql {{ database.name }}
    - runas: {{ database.user }}
    - env:
      - PGPASSFILE: {{ host.home }}/pgpass
    - require:
      - cmd: postgresql-database
    - onchanges:
      - file: postgresql-tables-file
      - cmd: postgresql-database
{% endif %}
