base:
  'role:lb':
    - match: grain
    - haproxy
  'role:app':
    - match: grain
    - shop
  'role:db':
    - match: grain
    - postgresql
