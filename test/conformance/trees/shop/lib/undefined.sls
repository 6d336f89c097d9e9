a: {{ undefined_name }}
