"""Checks that everything the program is linked with may be shipped with it, and gathers the texts that have to go along.

    licences.py             fails where a dependency's licence is not on the list below
    licences.py FILE        does so, and writes the texts of all of them to FILE

It reads what Cargo has fetched anyway, and so needs no network. What it cannot tell is whether an advisory stands against a
version: that takes a database from the network (CONTRIBUTING.md, Release).
"""

import json
import re
import subprocess
import sys
from pathlib import Path

# Licences that allow linking into a binary distributed under MIT or Apache-2.0. MPL-2.0 only requires the sources of its own
# files, which are unchanged on crates.io. BSL-1.0 is the Boost licence.
ALLOWED = {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "MPL-2.0",
           "Unicode-3.0", "Unlicense", "Zlib"}  # fmt: skip
TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"]
TEXTS = ("license", "licence", "copying", "notice", "unlicense", "copyright")


def cargo(*args):
    return subprocess.run(["cargo", *args, "--locked"], check=True, capture_output=True, text=True).stdout


def is_allowed(expression):
    """Tells whether an SPDX expression, or the older form with a slash for "or", can be met by licences of the list."""
    expression = re.sub(r"\s+WITH\s+", "-WITH-", expression.replace("/", " OR "))
    words = re.findall(r"\(|\)|[^\s()]+", expression)
    python = [{"(": "(", ")": ")", "AND": "and", "OR": "or"}.get(word, str(word in ALLOWED)) for word in words]
    return bool(python) and bool(eval(" ".join(python), {"__builtins__": {}}))  # noqa: S307 - of the words above alone


def shipped():
    """Returns the names and versions of what is linked into the program, on any target."""
    flags = [word for target in TARGETS for word in ("--target", target)]
    lines = cargo("tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", *flags).splitlines()
    return {tuple(line.split()[:2]) for line in lines if line.strip()}


def main():
    for expression, expected in [("MIT", True), ("GPL-3.0", False), ("MIT OR GPL-3.0", True), ("MIT AND GPL-3.0", False),
                                 ("(MIT OR GPL-3.0) AND ISC", True), ("MIT/Apache-2.0", True),
                                 ("Apache-2.0 WITH x OR MIT", True), ("Apache-2.0 WITH x", False), ("", False)]:  # fmt: skip
        assert is_allowed(expression) is expected, expression

    ours = shipped()
    packages = [p for p in json.loads(cargo("metadata", "--format-version=1"))["packages"]
                if (p["name"], "v" + p["version"]) in ours and p["source"]]  # fmt: skip
    assert len(packages) == len(ours) - 1, "every package of the tree is in the metadata"
    wrong = [f"{p['name']} {p['version']}: {p['license']}" for p in packages if not is_allowed(p["license"] or "")]
    if wrong:
        sys.exit("licences: not on the list in tests/lint/licences.py: " + ", ".join(wrong))

    if len(sys.argv) > 1:
        texts = {}
        for package in sorted(packages, key=lambda package: (package["name"], package["version"])):
            name = f"{package['name']} {package['version']} ({package['license']})"
            for file in sorted(Path(package["manifest_path"]).parent.iterdir()):
                if file.is_file() and file.name.lower().startswith(TEXTS):
                    text = file.read_text(encoding="utf-8", errors="replace").strip()
                    texts.setdefault(text, []).append(name)
        line = "=" * 80
        parts = [f"langdock is linked with {len(packages)} packages. Their sources are on crates.io under their names.\n"]
        for text, names in texts.items():
            parts += [line, *dict.fromkeys(names), line, "", text, ""]
        Path(sys.argv[1]).write_text("\n".join(parts), encoding="utf-8")
    print(f"licences: {len(packages)} packages, all on the list")


main()
