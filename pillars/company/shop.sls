# The shop: what runs on the application servers, and how the load balancer reaches it.
shop:
  repository: {{ salt['config.get']('fleet:repositories') }}/shop.git
  revision: v1
  port: 8080

load_balancers:
  shop:
    driver: haproxy
    backend: shop
    # The first host of the role `lb`; its admin socket is below its home.
    host_role: lb
    socket: haproxy/admin.sock
    port: 8000
    drain_timeout: 30
