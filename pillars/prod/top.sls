prod:
  '*':
    - environment
    - shop
    - database
