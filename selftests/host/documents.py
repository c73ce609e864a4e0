#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is every command in the documents run by a test?

docs.py runs those that it can. Here the others are held against the test that it
says runs them, and what looks like a command has to be where docs.py looks for
it. Files that are shown have to be those that a test takes from the document
(shown() of lib.sh). TAP on stdout; needs no root, no module and no argument.
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

COMMAND = re.compile(r'\s*(?:(?:[$#]|\w+#) [a-z./]|(?:sudo )?(?:scripts/|\./|make\b)[^`]*$)')
FILE = re.compile(r'\.\. code-block:: (none|sh|nft)$|.*``/etc/[^`]*``.*::$')
SHOWN = re.compile(r'\bshown (\S+\.rst) ("[^"]*"|\S+)')
HEADING = re.compile(r'#+ ')    # of README.md


def documents():
    paths = [os.path.join(TOP, 'README.md')]
    for pattern in ('*.rst', '*/*.rst', 'man/*'):
        paths += sorted(glob.glob(os.path.join(TOP, 'Documentation', pattern)))
    return paths


def plain(text):
    """Without what differs: where lines end, quotes, who asks for the rights"""
    return re.sub(r'[\s\\]+', ' ', re.sub(r'\bsudo ', '', text))


def tested(words, test):
    """The words are in the test, one after the other."""
    with open(os.path.join(TESTS, test)) as f:
        return plain(words) in plain(f.read())


def known(command):
    """It is a script of ours, which knows the options."""
    script, *words = command.text.split()
    path = os.path.join(TOP, script)
    if not os.access(path, os.X_OK):
        return False
    with open(path) as f:
        text = f.read()
    return all(word in text for word in words if word.startswith('-'))


def files(path):
    """Numbers of lines below which the document shows a file"""
    with open(path) as f:
        lines = f.read().split('\n')
    return [i for i, line in enumerate(lines, 1) if FILE.match(line)]


def shown(path, words):
    """The line below which shown() of lib.sh finds what it prints, or None"""
    found = False
    with open(path) as f:
        for i, line in enumerate(f.read().split('\n'), 1):
            found |= words in line
            if found and re.search('::( [a-z]+)?$', line):
                return i
    return None


def taken():
    """{document: lines} of what tests take from there"""
    out = {}
    for path in glob.glob(f'{TESTS}/*.sh') + glob.glob(f'{TESTS}/packaged/*.sh'):
        with open(path) as f:
            for name, words in SHOWN.findall(f.read()):
                document = os.path.join(TOP, 'Documentation', name)
                out.setdefault(document, []).append(shown(document, words.strip('"')))
    return out


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
    found_by_tests = taken()
    for path in documents():
        name = os.path.relpath(path, TOP)
        found = list(docs.commands(path))
        lines = stray(path, found)
        report(not lines, f'{name}: commands are in blocks of commands {lines or ""}')
        for command in found:
            entry = docs.elsewhere(command.text)
            used.add(entry)
            _, test, words = entry or (None, None, None)
            if test:
                report(tested(words or command.text, test),
                       f'{name}: {command.text}: {test}')
            elif command.text.startswith('scripts/'):
                report(known(command), f'{name}: {command.text}: there is such a script')
        for line in files(path):
            report(line in found_by_tests.get(path, []),
                   f'{name}:{line}: the file that is shown is a test\'s')
    for document, lines in found_by_tests.items():
        report(None not in lines, f'{os.path.relpath(document, TOP)}: what tests '
               'take from there is there')
    for entry in docs.ELSEWHERE:
        report(entry in used, f'there are commands still: {entry[0]}')
    print(f'1..{n}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
