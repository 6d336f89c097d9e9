# The load balancer in front of the shop. Its admin socket is how Edge takes servers out and puts them back.
{% set home = pillar.hosts[grains.id].home %}
{% set balancer = pillar.load_balancers.shop %}

haproxy-folder:
  file.directory:
    - name: {{ home }}/haproxy
    - makedirs: True

haproxy-configuration:
  file.managed:
    - name: {{ home }}/haproxy/haproxy.cfg
    - source: salt://haproxy/files/haproxy.cfg.jinja
    - template: jinja
    - context:
        folder: {{ home }}/haproxy
        address: {{ pillar.hosts[grains.id].address }}
        port: {{ balancer.port }}
        backend: {{ balancer.backend }}
    - check_cmd: haproxy -c -q -f
    - require:
      - file: haproxy-folder

haproxy-service:
  file.managed:
    - name: {{ home }}/services/haproxy.service.json
    - makedirs: True
    - contents: |
        {
          "command": ["haproxy", "-W", "-db", "-f", "{{ home }}/haproxy/haproxy.cfg"],
          "reload_signal": "USR2",
          "stop_signal": "TERM"
        }

haproxy-running:
  service.running:
    - name: haproxy
    - reload: True
    - require:
      - file: haproxy-service
    - watch:
      - file: haproxy-configuration
