"""Prints what binding.gyp says of a target, for builds without gyp: read-gyp.py <target> <OS of gyp> <key>."""

import ast
import pathlib
import sys


def choose(condition, system):
    """The branch of gyp's ["test", branch, "test", branch, ..., else] that holds. It knows tests of OS only."""
    while len(condition) > 1:
        test, branch, *condition = condition
        if test == f"OS=='{system}'":
            return branch
    return condition[0] if condition else {}


def read(target, system, key):
    yield from target.get(key, [])
    for condition in target.get("conditions", []):
        yield from choose(condition, system).get(key, [])


name, system, key = sys.argv[1:]
project = ast.literal_eval(pathlib.Path(__file__).parents[1].joinpath("binding.gyp").read_text())
[target] = [target for target in project["targets"] if target["target_name"] == name]
for value in read(target, system, key):
    print(value)
