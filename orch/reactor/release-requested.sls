# Rolls a requested release out. Event data: revision, and environment where it is not prod.
roll-out-release:
  runner.state.orchestrate:
    - args:
      - mods: orch.deploy-environment
      - pillarenv: {{ data.get('environment', 'prod') }}
      - pillar:
          shop:
            revision: "{{ data['revision'] }}"
