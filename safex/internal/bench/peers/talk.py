"""The half of a peer that talks: it answers each request, a line of JSON, with one line of JSON.

What else is printed, by whomever, goes to standard error, so that it cannot be taken for an answer.
"""

import importlib
import json
import os
import sys

_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**fields):
    _answers.write(json.dumps(fields) + "\n")
    _answers.flush()


def need(*names):
    """Imports modules. One that is not installed ends the program with an answer that names it."""
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ModuleNotFoundError as e:
            answer(missing=e.name or name)
            sys.exit(0)
    return modules


def serve(versions, handle):
    """Tells the versions of what is measured, then answers requests until there are no more."""
    answer(versions=versions)
    for line in sys.stdin:
        try:
            answer(**handle(**json.loads(line)))
        except Exception as e:
            answer(error=f"{type(e).__name__}: {e}".splitlines()[0])
            sys.exit(1)
