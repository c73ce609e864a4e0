#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes a table, or JSON, of what the benchmark printed: [--json] KERNEL FILE.

A goal is the most that the ratio ours / theirs may be, or ours where there is
nothing to compare with; a negative one is the least.
"""

import json
import sys


def verdict(row):
    goal = row['goal']
    if not goal:
        return ''
    value = row['ratio'] if row['ratio'] is not None else row['ours']
    # instructions vary by some in a thousand from run to run
    good = value <= goal * 1.01 if goal > 0 else value >= -goal
    return ('' if good else 'not ') + 'met'


def read(path, kernel):
    with open(path) as f:
        for line in f:
            row = json.loads(line)
            row['kernel'] = kernel
            row['ratio'] = (round(row['ours'] / row['theirs'], 3)
                            if row['theirs'] else None)
            row['verdict'] = verdict(row)
            yield row


def number(value):
    if not value:
        return ''
    return f'{value:,.2f}' if value < 100 else f'{value:,.0f}'


def goal(row):
    if not row['goal']:
        return ''
    return f"{'<' if row['goal'] > 0 else '>'} {number(abs(row['goal']))}"


def cells(row):
    ratio = '' if row['ratio'] is None else f"{row['ratio']:.2f}"
    return (row['row'], row['against'], number(row['ours']),
            number(row['theirs']), row['unit'], ratio, goal(row),
            row['verdict'])


def table(rows, kernel):
    head = (f'Linux {kernel}', 'against', 'ours', 'theirs', 'unit', 'ratio',
            'goal', '')
    lines = [head] + [cells(row) for row in rows]
    width = [max(len(line[i]) for line in lines) for i in range(len(head))]
    lines.insert(1, tuple('-' * w for w in width))
    for line in lines:
        print('  '.join(c.rjust(w) if i in (2, 3, 5, 6) else c.ljust(w)
                        for i, (c, w) in enumerate(zip(line, width))).rstrip())
    print()


def main(args):
    as_json = args[:1] == ['--json']
    kernel, path = args[as_json:]
    rows = list(read(path, kernel))
    if as_json:
        for row in rows:
            print(json.dumps(row))
    else:
        table(rows, kernel)


if __name__ == '__main__':
    main(sys.argv[1:])
