#!/usr/bin/env python3
"""Plain names and words in `src`: fails where one of the figures below is over its limit, and names the places.

Unit tests are left out. A type has a name of its own, of two words or more in most cases; functions and constructors say what
they do; lines are at most 100 columns wide; and words that the field has others for stay out of code and documents.
"""
import collections
import pathlib
import re
import sys

MAX_SHARED_TYPES = 5  # percent
MAX_ONE_WORD_TYPES = 45  # percent
MAX_ONE_WORD_FUNCTIONS = 40  # percent
MAX_WIDE_LINES = 40
MAX_FOREIGN_WORDS = 10
WIDTH = 100
EVERY_MODULE_MAY_HAVE = {"Error", "Args"}

# Patterns, with the wording to use instead.
FOREIGN = {
    r"\bfolders?\b": "directory",
    r"\b(?:a|the|this|each|every|that|no) person\b": "user",
    r"(?<!there )\bis no (?:JSON|TOML|UTF-8|table|whole number|duration|number|PDF|image|text|message|file|directory)\b": "is not",
    r"\bin the stead\b": "in place",
    r"\bcame about\b": "was made",
    r"\bfirst word\b": "first token",
    r"\banew\b": "again",
    r"^\s*/// (?:Takes|Gives|Tells|Says) ": "Returns, Reads, Writes, Reports, ...",
}

TYPE = re.compile(r"^(?:pub(?:\([a-z :]+\))? )?(?:struct|enum|trait|type|union) (\w+)", re.M)
FUNCTION = re.compile(r"^\s*(?:pub(?:\([a-z :]+\))? )?(?:const )?(?:async )?fn (\w+)", re.M)

root = pathlib.Path(__file__).resolve().parents[2]
sources = {
    path.relative_to(root): path.read_text().split("#[cfg(test)]\nmod tests")[0]
    for path in sorted((root / "src").rglob("*.rs"))
    if not path.name.endswith("tests.rs") and "tests" not in path.relative_to(root).parts
}
documents = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "man").glob("*.1"))]
failed = False


def check(what, places, limit, total=None):
    """Prints a figure, a share of `total` in percent where that is given, and fails where it is over its limit."""
    global failed
    figure = len(places) if total is None else round(100 * len(places) / max(1, total))
    unit = "" if total is None else " %"
    print(f"{what}: {figure}{unit} (at most {limit}{unit})")
    if figure > limit:
        failed = True
        print("\n".join(f"    {place}" for place in places[:40]))


types = [(name, path) for path, text in sources.items() for name in TYPE.findall(text)]
types = [(name, path) for name, path in types if name not in EVERY_MODULE_MAY_HAVE]
count = collections.Counter(name for name, _ in types)
check("types with the name of another type", [f"{p}: {n}" for n, p in types if count[n] > 1], MAX_SHARED_TYPES, len(types))
one_word = [f"{p}: {n}" for n, p in types if len(re.findall("[A-Z][a-z0-9]*", n)) == 1]
check("types named by one word", one_word, MAX_ONE_WORD_TYPES, len(types))
functions = [(name, path) for path, text in sources.items() for name in FUNCTION.findall(text)]
short = [f"{p}: {n}" for n, p in functions if "_" not in n]
check("functions named by one word", short, MAX_ONE_WORD_FUNCTIONS, len(functions))
check("functions called `of`", [str(p) for n, p in functions if n == "of"], 0)
lines = [(f"{path}:{n}", line) for path, text in sources.items() for n, line in enumerate(text.split("\n"), 1)]
check("wide lines", [place for place, line in lines if len(line) > WIDTH], MAX_WIDE_LINES)
for path in documents:
    lines += [(f"{path.relative_to(root)}:{n}", line) for n, line in enumerate(path.read_text().split("\n"), 1)]
foreign = [f"{p}: say {say}" for p, line in lines for pattern, say in FOREIGN.items() if re.search(pattern, line)]
check("words that the field has others for", foreign, MAX_FOREIGN_WORDS)
sys.exit(failed)
