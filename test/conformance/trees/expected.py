"""Prints manifest.json: what Jinja2 with Salt's options and tags makes of the templates below this folder."""
import copy, fnmatch, json, os
import jinja2, yaml
from jinja2 import nodes, sandbox
from jinja2.ext import Extension

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = {
    "grains": {"id": "web1", "os": "Debian", "os_family": "Debian", "roles": ["web", "db"]},
    "opts": {"test_option": "set", "pair": {"__pytuple__": [1, 2]}},
    "stubs": {
        "default": None,
        "absent": ["x.absent"],
        "values": {"network.ip_addrs": ["10.0.0.1", "10.0.0.2"], "cmd.run": "uid=0"},
    },
}
PILLARS = {
    "shop": {"shop": {"vhosts": {"a": {"port": 8080}, "b": {"enabled": False}, "c": {}}, "ratio": 2.0, "none": None,
                      "limits": {"ram": 8}, "paths": {"log": "/logs"}}},
    "plain": {"only": "value", "numbers": {"__pydict__": [[1, "one"], [2, "two"]]}},
}
CASES = [
    ("shop/shop/init.sls", "shop", "shop", ["shop"]), ("shop/shop/config.sls", "shop", "shop.config", ["shop"]),
    ("shop/lib/context.sls", "shop", "lib.context", ["shop"]), ("shop/shop/files/shop.conf.jinja", "shop", None, ["shop"]),
    ("plain/page.sls", "plain", "plain.page", ["."]),
    *((f"shop/lib/{name}.sls", "shop", f"lib.{name}", ["shop"])
      for name in ("absent", "undefined", "syntax", "missing", "badyaml", "raise")),
]


class Load(Extension):
    tags = {"load_yaml", "import_yaml"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        if parser.stream.look().type == "name" and parser.stream.current.test("name:as"):
            parser.stream.expect("name:as")
            target = parser.parse_assign_target()
            macro = nodes.CallBlock(self.call_method("_load"), [], [], parser.parse_statements(["name:endload"], drop_needle=True))
            name = parser.free_identifier()
            block = nodes.AssignBlock(nodes.Name(name.name, "store"), None, macro.body)
            return [block, nodes.Assign(target, self.call_method("_load", [nodes.Name(name.name, "load")])).set_lineno(line)]
        path = parser.parse_expression()
        parser.stream.expect("name:as")
        target = parser.parse_assign_target()
        return nodes.Assign(target, self.call_method("_file", [path])).set_lineno(line)

    def _load(self, text):
        return yaml.safe_load(str(text))

    def _file(self, path):
        return yaml.safe_load(self.environment.get_template(path).render(self.environment.globals))


class Loader(jinja2.FileSystemLoader):
    def get_source(self, environment, template):
        if template.startswith("./"):
            template = environment.globals["tpldir"] + template[1:]
        environment.globals["tpldir"] = os.path.dirname(template)
        environment.globals["tplfile"] = template
        return super().get_source(environment, template)


def decode(value):
    if isinstance(value, list): return [decode(item) for item in value]
    if not isinstance(value, dict): return value
    if "__pydict__" in value: return {key: decode(item) for key, item in value["__pydict__"]}
    if "__pytuple__" in value: return tuple(decode(item) for item in value["__pytuple__"])
    return {key: decode(item) for key, item in value.items()}


def walk(data, path, default):
    for part in path.split(":"):
        if isinstance(data, dict) and part in data: data = data[part]
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data): data = data[int(part)]
        else: return default
    return data


def update(dest, src, lists=False):
    for key, value in src.items():
        if isinstance(dest.get(key), dict) and isinstance(value, dict): update(dest[key], value, lists)
        elif lists and isinstance(dest.get(key), list) and isinstance(value, list):
            dest[key] = dest[key] + [item for item in value if item not in dest[key]]
        else: dest[key] = value
    return dest


class Functions(dict):
    def __missing__(self, name):
        stubs = MANIFEST["stubs"]
        if name in stubs["absent"]: raise KeyError(name)
        if "." not in name: return type("Module", (), {"__getattr__": lambda _, attribute: self[f"{name}.{attribute}"]})()
        return lambda *args, **kwargs: copy.deepcopy(stubs["values"].get(name, stubs["default"]))

    def __contains__(self, name):
        return name not in MANIFEST["stubs"]["absent"]


def functions(grains, pillar, opts):
    def pillar_get(key, default="", merge=False):
        if merge: return update(copy.deepcopy(default), walk(pillar, key, {}))
        return walk(pillar, key, default)

    def filter_by(table, grain="os_family", merge=None, default="default"):
        found = next((table[key] for key in table if fnmatch.fnmatchcase(str(walk(grains, grain, "")), key)), table.get(default))
        return update(found, copy.deepcopy(merge)) if merge else found

    def config_get(key, default=""):
        for source in (opts, grains, pillar):
            found = walk(source, key, KeyError)
            if found is not KeyError: return found
        return default

    return Functions({
        "pillar.get": pillar_get, "pillar.items": lambda: pillar, "grains.filter_by": filter_by, "config.get": config_get,
        "pillar.item": lambda *keys: {key: walk(pillar, key, "") for key in keys},
        "grains.get": lambda key, default="": walk(grains, key, default),
        "grains.has_value": lambda key: walk(grains, key, KeyError) is not KeyError,
        "defaults.merge": update, "slsutil.update": update,
        "slsutil.merge": lambda a, b, merge_lists=False: update(copy.deepcopy(a), b, merge_lists),
    })


def render(id, repo, sls, roots):
    loader = Loader([os.path.join(HERE, root) for root in roots])
    env = sandbox.SandboxedEnvironment(extensions=[Load, "jinja2.ext.do", "jinja2.ext.loopcontrols"], loader=loader, undefined=jinja2.StrictUndefined)
    env.filters["json"] = lambda value, sort_keys=True: json.dumps(value, sort_keys=sort_keys)
    grains, pillar, opts = decode(MANIFEST["grains"]), decode(PILLARS[repo]), decode(MANIFEST["opts"])
    context = {"grains": grains, "pillar": pillar, "opts": opts, "salt": functions(grains, pillar, opts), "saltenv": "base"}
    def fail(message): raise Exception(message)
    context["raise"] = fail
    if sls:
        file = id[len(roots[0]) + 1:] if roots != ["."] else id
        path = sls.replace(".", "/") if file.endswith("init.sls") else os.path.dirname(file)
        context.update(sls=sls, tplfile=file, tpldir=os.path.dirname(file), slspath=path, slsdotpath=path.replace("/", "."))
    env.globals.update(context)
    text = open(os.path.join(HERE, id)).read()
    return env.from_string(text).render(**context) + ("\n" if text.endswith("\n") else "")


cases = []
for id, repo, sls, roots in CASES:
    case = {"id": id, "repo": repo, "sls": sls, "roots": roots, "tags": []}
    try:
        case["expected"] = render(id, repo, sls, roots)
    except Exception as error:
        case["error"] = {"class": type(error).__name__, "message": str(error)}
    cases.append(case)
for repo, pillar in PILLARS.items():
    with open(os.path.join(HERE, f"pillar.{repo}.json"), "w") as file: file.write(json.dumps(pillar) + "\n")
with open(os.path.join(HERE, "manifest.json"), "w") as file: file.write(json.dumps({**MANIFEST, "cases": cases}, indent=2) + "\n")
