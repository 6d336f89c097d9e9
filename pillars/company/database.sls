# PostgreSQL: the first database host is the master, the others are its standbys.
{% set root = salt['grains.get']('uid', 0) == 0 %}
database:
  name: shop
  port: 5432
  # PostgreSQL refuses to run as root.
  user: {{ 'postgres' if root else salt['grains.get']('username') }}
  superuser: keeper
  password: not-a-secret-outside-this-example
  keepalive_file: keepalive.state
