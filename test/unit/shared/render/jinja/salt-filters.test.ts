import { describe, expect, test } from 'vitest';
import { renderRequest, testJinja } from '../../../../support/jinja.ts';

const jinja = testJinja();

describe('salt filters beyond the conformance cases', () => {
  test.each([
    ['{{ {"a": [{"b": 1}]}|traverse(["a", "b"]) }}', '1'],
    ['{{ none|traverse("a:b", "fallback") }}', 'fallback'],
    ['{{ "10.0.0.0/30"|network_hosts }} {{ "10.0.0.0/24"|network_size }}', "['10.0.0.1', '10.0.0.2'] 256"],
    ['{{ "192.168.0.12/24"|ip_host }} {{ "2001:DB8:0:0::1"|ipv6 }}', '192.168.0.12/24 2001:db8::1'],
    ['{{ [1, 2]|product([3, 4])|list }}', '[(1, 3), (1, 4), (2, 3), (2, 4)]'],
    ['{{ [1, 2, 3]|combinations(2)|map("join", "-")|list }}', "['1-2', '1-3', '2-3']"],
    [
      '{{ ["a", "b"]|zip([1, 2])|list }} {{ [1]|zip_longest([2, 3], fillvalue=0)|list }}',
      "[('a', 1), ('b', 2)] [(1, 2), (0, 3)]",
    ],
    ['{{ "a-b_c"|regex_replace("([a-z])-([a-z])", "\\\\2+\\\\1") }}', 'b+a_c'],
    ['{{ "line\\n"|regex_match("line$") is not none }} {{ "ab"|regex_match("b") }}', 'True None'],
    ['{{ "Web01"|regex_search("(?P<name>[a-z]+)(\\\\d+)", ignorecase=true) }}', "('Web', '01')"],
    ['{{ "secret"|base64_encode|base64_decode }} {{ "get salted"|hmac_compute("shared secret")|length }}', 'secret 64'],
    ['{{ [[1, [2]], [3]]|flatten(levels=1) }}', '[1, [2], 3]'],
    ['{{ {"a": {"b": 1}}|update_dict_key_value("a", {"c": 2}) }}', "{'a': {'b': 1, 'c': 2}}"],
    ['{{ "/etc"|path_join("../x", "y") }}', '/x/y'],
    ['{{ "2020-02-29 13:05:09"|strftime("%A %d %B %Y %I:%M:%S %p %j") }}', 'Saturday 29 February 2020 01:05:09 PM 060'],
  ])('%s', async (text, expected) => {
    const { value, diagnostics } = await jinja.renderText(renderRequest(text));
    expect(diagnostics).toEqual([]);
    expect(value?.text).toBe(expected);
  });

  test('filters that wait are awaited, inside map too', async () => {
    const { value } = await jinja.renderText(
      renderRequest('{{ "sh"|which is string }}{{ ["sh", "no-such-program-here"]|map("which")|list|length }}'),
    );
    expect(value?.text).toBe('True2');
  });
});
