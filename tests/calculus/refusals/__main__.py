"""Checks every refusal and that each side condition has one, by raising: for runs without assertions."""

from __future__ import annotations

import json
import sys

from . import REFUSALS
from .coverage import all_sites, covered


def main() -> int:
    """Print the counts and what went wrong; 0 if nothing did."""
    errors, wrong = [], []
    for refusal in (refusal for refusals in REFUSALS.values() for refusal in refusals):
        try:
            errors.append(refusal.check())
        except RuntimeError as error:
            wrong.append(str(error))
    known, reached = all_sites(), covered(errors)
    wrong += [f"no refusal reaches {site.text}" for site in known if site not in reached]
    report = {"optimized": not __debug__, "refused": len(errors), "conditions": len(known), "wrong": wrong}
    json.dump(report, sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
