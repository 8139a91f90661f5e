"""Files that people write and others may have written: templates, earlier turns, tools, schemas, rows of a batch, the config."""

import json
import pathlib


def nested(levels):
    return "[" * levels + "]" * levels


def put(child, name, text):
    path = pathlib.Path(child.home, name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


TOO_DEEP = "JSON may be nested at most 100 levels deep"


def fixed(child):
    demo = ["--demo", "send", "-n"]
    for text in ["{{" * 200_000, "{{ a " * 80_000, "{{a}}" * 80_000, "+++\n" + "a" * 400_000, "{{prompt}}" * 40_000]:
        child.run([*demo, "-t", put(child, "t.md", text), "hello"], most_seconds=5)
    for levels in [101, 1000, 100_000]:
        deep = nested(levels)
        for name, text, flags in [
            ("m.json", f'[{{"role":"user","content":[{{"type":"x","data":{deep}}}]}}]', ["--messages"]),
            ("s.json", f'{{"enum":{deep}}}', ["--schema"]),
            ("tools.json", f'[{{"name":"a","input_schema":{{"type":"object","enum":{deep}}}}}]', ["-T"]),
        ]:
            code, _, errors = child.run([*demo, "hello", *flags, put(child, name, text)], codes=[2])
            if TOO_DEEP not in errors:
                child.fail(flags, f"no word of the limit for {name} of {levels} levels", errors)
        if levels <= 1000:
            child.run([*demo, "hello", "--set", f"metadata={deep}"], codes=[2])
    recursive = {"anyOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]}
    doubled = {"$defs": {f"a{level}": {"anyOf": [{"$ref": f"#/$defs/a{level + 1}"}] * 2} for level in range(40)}, "$ref": "#/$defs/a0"}
    doubled["$defs"]["a40"] = {"type": "string"}
    circle = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    value = "{}"
    for _ in range(90):
        value = '{"a":' + value + "}"
    for schema in [recursive, doubled, circle]:
        tool = {"name": "a", "input_schema": {"type": "object", "properties": {"x": schema}}, "command": ["true"]}
        tools = put(child, "tools.json", json.dumps([tool]))
        child.run(["tool-run", "-T", tools, "--call", "a", '{"x":' + value + "}"], most_seconds=5)
        child.run([*demo, "hello", "--schema", put(child, "s.json", json.dumps(schema))], most_seconds=5)


SAMPLES = {
    "t.md": (b'+++\nmodel = "m"\nsystem = "Be {{tone}}."\nstop = ["a"]\n+++\n# {{ title }}\n{{prompt}} {{stdin}}\n', ["-t"]),
    "m.json": (b'[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]}]', ["--messages"]),
    "s.json": (b'{"type":"object","properties":{"a":{"type":["string","null"],"pattern":"^a+$"}},"required":["a"]}', ["--schema"]),
    "tools.json": (b'[{"name":"a","description":"b","input_schema":{"type":"object"},"command":["true"]}]', ["-T"]),
}


def at_random(child, chance):
    name = chance.choice(list(SAMPLES))
    text, flags = SAMPLES[name]
    text = bytearray(text)
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(text) + 1)
        until = min(len(text), place + chance.choice([0, 1, 3, 20]))
        text[place:until] = chance.choice(
            [b"", b"{", b"}", b"[", b'"', b"\\", b"{{", b"\xff", b"\0", b"1e999", b"null", b"+++\n", bytes(text[place:until]) * 500]
        )
    child.run(["--demo", "send", "-n", "hello", *flags, put(child, name, bytes(text))])
