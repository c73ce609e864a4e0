#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs the selftests in the test machine, each with a freshly loaded module.

What a person reads goes to stdout. What is counted goes to the results
channel, one line a test file, announced before the first one runs: a file
whose result never comes is one that took the machine with it.

	plan FILE...
	result FILE PASSED FAILED SKIPPED
	coverage FILE COUNTERS

An argument says which tests; another, as 1/2, that there are so many machines
at work, and which of them this is.

Called with --parse FILE STATUS [NAME], it counts the TAP of a test that ran
elsewhere in the same way and prints the result line.

Where the module was built to count what it reaches (scripts/test --coverage),
the counters follow, as the compiler's tools want them, packed and in base64.
"""

import base64
import fnmatch
import glob
import gzip
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE = 'inet_tuple'
KSFT_SKIP = 4
SECONDS = 20    # that a test takes, where settings does not say
CGROUP = '/sys/fs/cgroup'
KMEMLEAK = '/sys/kernel/debug/kmemleak'
NAMESPACES = '/sys/kernel/slab/net_namespace'
COUNTERS = '/sys/kernel/debug/gcov'
LINE = re.compile(r'^(ok|not ok)\b\s*(\d+)?\s*-?\s*(.*)$')
PLAN = re.compile(r'^1\.\.(\d+)\s*(#\s*skip.*)?$', re.I)
# A slab cache that was made to fail (fault) is no complaint, though it is told of
# like one; scripts/vm knows that as well.
REFUSED = re.compile(r'^[^\n]*kmem_cache_create[^\n]*\(inet_tuple[^\n]*error -12$.*?</TASK>$',
                     re.M | re.S)
SKIP = re.compile(r'#\s*(skip|xfail)', re.I)


class Count:
    """What a test said in TAP, and what is wrong with how it said it."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.plan = None
        self.why = []

    def fail(self, why):
        self.failed += 1
        self.why.append(why)

    def ok(self, why, good):
        if good:
            self.passed += 1
        else:
            self.fail(why)

    def line(self, text):
        plan = PLAN.match(text)
        said = LINE.match(text)
        if plan:
            # several programs may have written here, each with its plan
            self.plan = (self.plan or 0) + int(plan.group(1))
            if plan.group(1) == '0':
                self.skipped += 1
        elif text.startswith('Bail out!'):
            self.fail(text)
        elif said and said.group(1) == 'not ok':
            self.fail(text)
        elif said and SKIP.search(said.group(3)):
            self.skipped += 1
        elif said:
            self.passed += 1

    def close(self, status):
        """A test that dies, or stops short of its plan, has failed."""
        told = self.passed + self.failed + self.skipped
        if any(why.startswith('Bail out!') for why in self.why):
            return
        if self.plan and told != self.plan:
            self.fail(f'planned {self.plan} tests, told of {told}')
        elif self.plan is None and told and status == 0:
            self.fail('no plan: ended too early?')
        if status == KSFT_SKIP and not told:
            self.skipped += 1
        elif status == 0 and not told:
            self.fail('no test was told of')
        elif status not in (0, KSFT_SKIP) and not self.failed:
            self.fail(f'exit status {status}')

    def numbers(self):
        return f'{self.passed} {self.failed} {self.skipped}'


def count(text, status):
    c = Count()
    for line in text.splitlines():
        c.line(line)
    c.close(status)
    return c


class KernelLog:
    """The kernel's messages since the last look."""

    def __init__(self):
        with open(os.path.join(HERE, 'complaints')) as f:
            self.bad = re.compile('|'.join(f.read().split('\n')[:-1]))
        self.fd = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def news(self):
        out = []
        while True:
            try:
                record = os.read(self.fd, 8192)
            except BrokenPipeError:      # overwritten before it was read
                continue
            except BlockingIOError:
                return out
            out.append(record.decode(errors='replace').partition(';')[2].rstrip('\n'))

    def complaints(self):
        """What is wrong, from the first line that says so"""
        news = REFUSED.sub('', '\n'.join(self.news())).split('\n')
        first = next((i for i, line in enumerate(news) if self.bad.search(line)), None)
        return [] if first is None else news[max(first - 10, 0):]


def write(path, text):
    with open(path, 'w') as f:
        f.write(text)


def read(path):
    try:
        with open(path, errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def loaded():
    return os.path.isdir(f'/sys/module/{MODULE}')


def unload(patience=15):
    """None, or why the module cannot be removed: something still holds it."""
    end = time.monotonic() + patience
    while loaded():
        r = subprocess.run(['rmmod', MODULE], stderr=subprocess.PIPE, text=True)
        if r.returncode and time.monotonic() > end:
            return r.stderr.strip()
        if r.returncode:
            time.sleep(0.2)
    left = [l.split()[0] for l in read('/proc/slabinfo').splitlines()
            if l.startswith(MODULE)]
    return f'slabs are left: {left}' if left else None


def run_confined(path, limit):
    """(output, status), with every process the test made gone afterwards."""
    group = f'{CGROUP}/selftest'
    os.makedirs(group, exist_ok=True)
    with open('/tmp/selftest.out', 'w+b') as out:
        # through the shell: a child of ours cannot enter before it exists
        p = subprocess.Popen(
            ['sh', '-c', f'echo 0 >{group}/cgroup.procs; exec "$0"', path],
            cwd=HERE, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True)
        late = ''
        try:
            status = p.wait(limit)
        except subprocess.TimeoutExpired:
            # its own clean-up gets a chance, its children do not
            late = f'Bail out! no end after {limit} s\n'
            os.killpg(p.pid, signal.SIGTERM)
            try:
                status = p.wait(5)
            except subprocess.TimeoutExpired:
                status = 124
        write(f'{group}/cgroup.kill', '1')
        p.wait()
        remove_group(group)
        out.seek(0)
        return out.read().decode(errors='replace') + late, status


def remove_group(group):
    for path, _, _ in sorted(os.walk(group), reverse=True):
        for _ in range(50):
            try:
                os.rmdir(path)
                break
            except OSError:
                time.sleep(0.1)


def settings():
    """Seconds that tests take with a processor to themselves; what tests programs."""
    lines = [l.split('#')[0].split() for l in read(f'{HERE}/settings').splitlines()]
    return ({l[0]: int(l[1]) for l in lines if l},
            {l[0] for l in lines if 'programs' in l})


def run_file(name, limit, log):
    log.news()
    start = time.monotonic()
    r = subprocess.run(['modprobe', MODULE], stderr=subprocess.PIPE, text=True)
    if r.returncode:
        c = Count()
        c.fail(f'modprobe: {r.stderr.strip()}')
        output = ''
    else:
        output, status = run_confined(f'{HERE}/{name}', limit)
        c = count(output, status)
    subprocess.run(['ip', '-all', 'netns', 'delete'])
    why = unload()
    c.ok(f'the module cannot be unloaded: {why}', why is None)
    complaints = log.complaints()
    if complaints:
        c.fail('the kernel complained')
        output += ''.join(f'| {line}\n' for line in complaints[:150])
    report(name, c, output, time.monotonic() - start, chosen_seconds(name))
    return c


def chosen_seconds(name):
    """For how long the caller wants it to go on, or 0: its own time"""
    return int(os.environ.get(f'{name.upper()}_SECONDS', '0'))


def report(name, c, output, seconds, whole=False):
    verdict = 'FAILED' if c.failed else 'ok'
    print(f'{verdict} {name}: {c.passed} passed, {c.failed} failed, '
          f'{c.skipped} skipped, {seconds:.1f} s')
    if c.failed or whole:
        print(''.join(f'    {line}\n' for line in output.splitlines()), end='')
        for why in c.why:
            print(f'  {name}: {why}')
    sys.stdout.flush()


def leaks_begin():
    """Whether kmemleak is there, and on; what it saw before is not ours."""
    try:
        for command in ('scan=off', 'scan', 'clear'):
            write(KMEMLEAK, command)
    except OSError:
        return False
    return True


def scan_leaks():
    """What nothing points to any more, in two scans: one sees false positives."""
    for _ in range(2):
        time.sleep(6)       # an object younger than 5 s is never reported
        write(KMEMLEAK, 'scan')
    return read(KMEMLEAK)


def leak_test():
    start = time.monotonic()
    leaks = scan_leaks()
    c = Count()
    c.ok('kmemleak found something', not leaks)
    report('kmemleak', c, leaks, time.monotonic() - start)
    return c


def namespaces():
    """Network namespaces that are there. One whose last reference was kept stays,
    and so does one with a device of which somebody kept a reference."""
    # the memory of the last one is freed with the next; and only where no
    # processor has free places for itself are the others counted right
    subprocess.run(['unshare', '--net', 'true'], check=True)
    time.sleep(1)
    write(f'{NAMESPACES}/shrink', '1')
    return int(read(f'{NAMESPACES}/objects').split()[0])


def namespace_test(before, factor):
    # what TCP sends again and again to an end that is gone is a reference, too
    start = time.monotonic()
    while ((left := namespaces() - before) > 0 and
           time.monotonic() < start + 60 * factor):
        pass
    c = Count()
    c.ok(f'{left} network namespaces are left', left <= 0)
    report('namespaces', c, '', time.monotonic() - start)
    return c


def tell_coverage(results):
    """The kernel keeps the counters of a module that went, and adds to them."""
    for path in glob.glob(f'{COUNTERS}/**/*.gcda', recursive=True):
        name = path[path.index('/module-') + 1:]
        with open(path, 'rb') as f:
            data = base64.b64encode(gzip.compress(f.read())).decode()
        results.write(f'coverage {name} {data}\n')


def tests(pattern):
    found = sorted(f for f in os.listdir(HERE)
                   if os.access(f'{HERE}/{f}', os.X_OK)
                   and os.path.isfile(f'{HERE}/{f}') and f != 'runner.py')
    return [f for f in found if fnmatch.fnmatch(f, pattern)
            or fnmatch.fnmatch(os.path.splitext(f)[0], pattern)]


def share_of(files, seconds, share, shares):
    """Which of the files are ours, so that all shares take equally long."""
    loads = [[0, i, []] for i in range(shares)]
    for name in sorted(files, key=lambda f: (-seconds.get(f, SECONDS), f)):
        least = min(loads)
        least[0] += seconds.get(name, SECONDS)
        least[2].append(name)
    return sorted(loads[share - 1][2])


def main(pattern='*', share='1/1'):
    factor = int(os.environ.get('TIMEOUT_FACTOR', '1'))
    if os.environ.get('INET_TUPLE_LONG'):
        factor *= 10
    seconds, programs = settings()
    files = tests(pattern)
    if os.environ.get('INET_TUPLE_BRIEF'):
        files = [f for f in files if f not in programs]
    files = share_of(files, seconds, *map(int, share.split('/')))
    before = namespaces()
    ends = [('namespaces', lambda: namespace_test(before, factor))] if files else []
    if files and leaks_begin():
        ends.append(('kmemleak', leak_test))
    results = open('/dev/ttyS1', 'w', buffering=1)
    results.write(' '.join(['plan'] + files + [name for name, _ in ends]) + '\n')
    log = KernelLog()
    failed = 0

    def limit(name):
        # machines share a processor, and not all processors are as fast
        return ((60 + 6 * seconds.get(name, SECONDS)) * factor +
                chosen_seconds(name))

    todo = [(name, lambda name=name: run_file(name, limit(name), log)) for name in files]
    for name, run in todo + ends:
        c = run()
        results.write(f'result {name} {c.numbers()}\n')
        failed += c.failed
    tell_coverage(results)
    return 1 if failed else 0


def parse(path, status, name=None):
    c = count(read(path), int(status))
    for why in c.why:
        print(f'# {why}', file=sys.stderr)
    print(f'result {name or path} {c.numbers()}')
    return 1 if c.failed else 0


if __name__ == '__main__':
    if sys.argv[1:2] == ['--parse']:
        sys.exit(parse(*sys.argv[2:]))
    sys.exit(main(*sys.argv[1:]))
