{% load_yaml as rates -%}
low: 0.5
high: 2.0
'yes': on
codes: [0o17, 0x1f, 1_000]
{%- endload %}
{%- import_yaml "shop/defaults.yaml" as defaults %}
{%- do defaults.shop.update({'extra': rates}) %}
{%- do salt['slsutil.update'](defaults.shop, {'paths': {'run': '/run'}}) %}
{%- set both = salt['slsutil.merge']({'a': {'x': 1}, 'l': [1]}, {'a': {'y': 2}, 'l': [2]}, merge_lists=True) %}
data: {{ defaults.shop|json }}
both: {{ both|json }}
rates: {{ rates.low + rates.high }} {{ rates['yes'] }} {{ '%.2f'|format(rates.low) }}
addresses: {{ salt['network.ip_addrs']('eth0')|join(' ') }}
pillar: {{ salt['pillar.get']('shop:vhosts:a:port', 1) }} {{ salt.pillar.get('no:such', 'x') }} {{ pillar.get('shop', {}).get('none') }}
merged: {{ salt['pillar.get']('shop:limits', {'cpu': 1, 'ram': 2}, merge=True)|json(sort_keys=True) }}
config: {{ salt['config.get']('test_option') }} {{ salt['config.get']('os') }} {{ salt['config.get']('shop:none') }}
grains: {{ salt['grains.get']('roles:0') }} {{ salt['grains.has_value']('roles') }} {{ salt['grains.filter_by']({'*Deb*': 1, 'default': 2}) }}
absent: {{ 'x.absent' in salt }} {{ 'some.function' in salt }} {{ salt['some.function'](1) is none }}
shell: {{ salt['cmd.run']('id') }} {{ salt.cmd.run('id') }}
