# An application server: a clone of the shop's repository and a supervisor that runs it.
# Which revision runs is the business of orch/deploy-environment.sls, not of this state.
{% set host = pillar.hosts[grains.id] %}
{% set folder = host.home ~ '/supervisor' %}

shop-clone:
  git.cloned:
    - name: {{ pillar.shop.repository }}
    - target: {{ host.home }}/shop

# A clone that is there may be one of a repository that is gone, as when the project was cloned anew somewhere else.
shop-remote:
  git.config_set:
    - name: remote.origin.url
    - value: {{ pillar.shop.repository }}
    - repo: {{ host.home }}/shop
    - onlyif: test -e {{ host.home }}/shop/.git
    - require:
      - git: shop-clone

supervisor-folder:
  file.directory:
    - name: {{ folder }}
    - makedirs: True

supervisor-configuration:
  file.managed:
    - name: {{ folder }}/supervisord.conf
    - source: salt://shop/files/supervisord.conf.jinja
    - template: jinja
    - context:
        folder: {{ folder }}
        directory: {{ host.home }}/shop
        address: {{ host.address }}
    - require:
      - file: supervisor-folder

supervisor-service:
  file.managed:
    - name: {{ host.home }}/services/supervisor.service.json
    - makedirs: True
    - contents: |
        {
          "command": ["supervisord", "--nodaemon", "--configuration", "{{ folder }}/supervisord.conf"],
          "ready": { "unix": "{{ folder }}/supervisor.sock" },
          "stop_timeout_s": 20
        }

supervisor-running:
  service.running:
    - name: supervisor
    - require:
      - file: supervisor-configuration
      - file: supervisor-service
      - git: shop-clone
