#!/usr/bin/env python3
"""Puts the tables of a benchmark run into documents, each in the place of
the table with the same heading:

    ./dev bench | bench/paste.py docs/performance.md README.md
"""

import re
import sys

TABLE = re.compile(r"(?:^\|.*\n)+", re.M)


def heading(table):
    return table.split("\n", 1)[0]


def main():
    output = sys.stdin.read()
    sys.stdout.write(output)
    tables = {heading(t): t for t in TABLE.findall(output)}
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(TABLE.sub(lambda m: tables.get(heading(m[0]), m[0]), text))


if __name__ == "__main__":
    main()
