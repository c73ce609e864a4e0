#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is every command in the documents run by a test?

docs.py runs those that it can. Here the others are held against the test that it
says runs them, and what looks like a command has to be where docs.py looks for
it. TAP on stdout; needs no root, no module and no argument.
"""

import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
TOP = os.path.dirname(TESTS)
sys.dont_write_bytecode = True
sys.path.insert(0, TESTS)
import docs     # noqa: E402

COMMAND = re.compile(r'\s*(?:[$#]|peer#) [a-z./]')
HEADING = re.compile(r'#+ ')    # of README.md


def documents():
    paths = [os.path.join(TOP, 'README.md')]
    for pattern in ('*.rst', '*/*.rst', 'man/*'):
        paths += sorted(glob.glob(os.path.join(TOP, 'Documentation', pattern)))
    return paths


def tested(command, test):
    """Its words are in the test, one after the other, but for the rights."""
    with open(os.path.join(TESTS, test)) as f:
        text = re.sub(r'[\s\\]+', ' ', f.read())
    return re.sub('^sudo ', '', command.text) in text


def stray(path, found):
    """Numbers of lines that look like commands, and are not among those found"""
    with open(path) as f:
        lines = f.read().split('\n')
    known = {command.line for command in found}
    return [i for i, line in enumerate(lines, 1)
            if COMMAND.match(line) and i not in known
            and not (path.endswith('.md') and HEADING.match(line))]


def main():
    used, n, failed = set(), 0, 0

    def report(good, title):
        nonlocal n, failed
        n += 1
        failed += not good
        print(f'{"ok" if good else "not ok"} {n} {title}'.replace('#', r'\#'))

    print('TAP version 13')
    for path in documents():
        name = os.path.relpath(path, TOP)
        found = list(docs.commands(path))
        lines = stray(path, found)
        report(not lines, f'{name}: commands are in blocks of commands {lines or ""}')
        for command in found:
            test = docs.elsewhere(command.text)
            used.add(test)
            if test and test.endswith('.sh') and ' ' not in test:
                report(tested(command, test), f'{name}: {command.text}: {test}')
    for test in docs.ELSEWHERE.values():
        report(test in used, f'there are commands still: {test}')
    print(f'1..{n}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
