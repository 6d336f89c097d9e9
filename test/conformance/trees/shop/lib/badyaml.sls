{% import_yaml "lib/bad.yaml" as x %}{{ x }}
