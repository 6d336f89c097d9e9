test:
  '*':
    - environment
    - shop
    - database
