#!/usr/bin/env python3
"""Looks a country up by its code. It says itself what it is: -T ./lookup.py is all that is needed."""

import json
import sys

COUNTRIES = {"CH": "Switzerland", "DE": "Germany", "FR": "France", "US": "United States"}

DEFINITION = {
    "name": "look_up_country",
    "description": "Look up the name of a country by its two-letter code.",
    "input_schema": {
        "type": "object",
        "properties": {"code": {"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["DE"]}},
        "required": ["code"],
    },
}

if sys.argv[1:] == ["--schema"]:
    print(json.dumps(DEFINITION))
    sys.exit()

code = json.load(sys.stdin)["code"]
if code not in COUNTRIES:
    sys.exit(f"no country has the code {code}")
print(COUNTRIES[code])
