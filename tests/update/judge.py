"""Judges edited INI files by Python's RawConfigParser, on which botocore and the AWS CLI stand.

Reads cases, a list of [before, after, set, removed], and prints how many of them it could read before. Of those, it must read each
afterwards, and find what was set, not find what was removed, and everything else as it was.
"""

import configparser
import json
import sys


def read(text):
    parser = configparser.RawConfigParser()
    parser.read_string(text.removeprefix("\ufeff"))
    return {section: dict(parser.items(section)) for section in parser.sections()}


def own(name):
    return name.strip().strip("\"'").strip() == "a"


readable = 0
for before, after, wanted, removed in json.load(sys.stdin):
    try:
        old = read(before)
    except configparser.Error:
        continue
    readable += 1
    new = read(after)
    expected = {name: keys for name, keys in old.items() if not own(name)}
    ours = {}
    for name, keys in old.items():
        if own(name):
            ours.update(keys)
    ours = {key: value for key, value in ours.items() if key not in removed} | wanted
    assert new.pop("a") == ours, (before, after)
    assert new == expected, (before, after)
print(readable)
