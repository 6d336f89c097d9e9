/** Orchestration that brings up one host of the local fleet, for tests that need no shop: `orch/one-host.sls`. */
export const ONE_HOST: Readonly<Record<string, string>> = {
  'orch/one-host.sls': `
box1:
  salt.runner:
    - name: cloud.provision
    - environment: prod
    - hosts:
        box1:
          role: box
          address: {{ salt['config.get']('fleet:network') }}.99
          home: {{ salt['config.get']('fleet:home') }}/prod/box1
`,
};
