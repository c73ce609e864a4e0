#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Other people's tests, as AF_INET and as AF_INET_TUPLE, with the same result.

The network's kselftests of the kernel and Python's own tests run twice, in a
network namespace of their own each time: as they are, and by tuplerun.

They are written for a host whose sockets share 127.0.0.1 and ::1. So the second
namespace has a pool of just these two addresses, with scope cgroup: every socket
of a test leases 127.0.0.1 or ::1, together with the others, and whatever binds,
connects and sends is at the address that it expects, as a lease. (The device
has 127.0.0.2/8, so that the rest of 127/8 is the host's still.)

A test that passes as AF_INET and not as AF_INET_TUPLE, or the other way round,
is a failure, unless Documentation/differences.rst tells why it is intended; and
so is a line there that tells of a difference which is none.

	suites.py [PATTERN]...	only the programs whose names match, slow ones too
"""

import ctypes
import fnmatch
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
UPSTREAM = f'{HERE}/upstream'
PLUMB = os.environ.get('SUITES_PLUMB', 'address')
CLONE_NEWNET = 0x40000000
LATE = 'late'
libc = ctypes.CDLL(None)
LONG = bool(os.environ.get('INET_TUPLE_LONG'))
FACTOR = int(os.environ.get('TIMEOUT_FACTOR', '1'))
LOOPBACK = ('127.0.0.1', '::1')
OTHER = ('10.0.0.1', 'fd00::1')		# that udpgso wants
TAP = re.compile(r'^\s*(ok|not ok) \d+ (?:- )?(.*?)(?:\s*# (SKIP|XFAIL).*)?$')
PYTHON = re.compile(r'^(\w+ \([\w.]+\))(?:\n.*?)?? \.\.\. .*?'
                    r'(ok|FAIL|ERROR|skipped|expected failure)', re.M | re.S)

UDPGSO_SETUP = 'ip link set lo mtu 1500'
# A server in the background, which gets a second and is waited for
PAIR = '{server} & server=$!; sleep {wait}; {client} && wait $server'
# One that has to be told to end
ENDLESS = ('{server} & server=$!; sleep {wait}; {client}; status=$?; kill $server; '
           'exit $status')


class Program:
    """One command line of a test."""

    def __init__(self, command, name=None, setup='', addresses=LOOPBACK,
                 limit=60, slow=False):
        self.command = command
        self.name = name or command
        self.setup = setup
        self.addresses = addresses
        self.limit = limit
        self.slow = slow


def pair(name, server, client, wait=1, how=PAIR, **rest):
    return Program(how.format(server=server, client=client, wait=wait), name, **rest)


def zerocopy(version, proto, flag):
    host = LOOPBACK[version == 6]
    common = f'msg_zerocopy -{version} -S {host} -D {host}'
    return pair(f'msg_zerocopy -{version} {flag} {proto}'.replace('  ', ' '),
                f'{common} -t 3 -C 2 {flag} -r {proto}',
                f'{common} -t 1 -C 3 {flag} {proto}', 0.3,
                slow=not flag or (version == 6) == (proto == 'tcp'))


def uring(version, proto, mode):
    host = LOOPBACK[version == 6]
    return pair(f'io_uring_zerocopy_tx -{version} -m {mode} {proto}',
                f'msg_zerocopy -{version} -t 3 -C 2 -S {host} -D {host} -r {proto}',
                f'io_uring_zerocopy_tx -{version} -t 1 -D {host} -m {mode} '
                f'-n {32 if proto == "udp" else 1} {proto}', 0.3,
                slow=mode != 1 or proto == 'udp')


def bench(version, flags, slow):
    four, tcp = '-4' if version == 4 else '', '-t' if '-t' in flags else ''
    return pair(f'udpgso_bench -{version} {flags}',
                f'udpgso_bench_rx {four} -p 8000 {tcp}',
                f'udpgso_bench_tx -p 8000 -l 1 -{version} -D {LOOPBACK[version == 6]} '
                f'{flags}', how=ENDLESS, slow=slow)


def mptcp(version, how):
    six = '-6' if version == 6 else ''
    common = f'mptcp_connect {six} -p 10000 -t 10 {how}'
    return pair(f'mptcp_connect -{version} {how}'.strip(),
                f'{common} -l {"::" if six else "0.0.0.0"} <one >got2',
                f'{common} {LOOPBACK[version == 6]} <two >got1', how=PAIR +
                ' && cmp one got1 && cmp two got2',
                setup='head -c 300000 /dev/urandom >one; '
                      'head -c 200000 /dev/urandom >two')


def sctp(version):
    host = LOOPBACK[version == 6]
    return pair(f'sctp_hello -{version}', f'sctp_hello server -{version} {host} 12345',
                f'sctp_hello client -{version} {host} 12345', setup='modprobe sctp')


def python(module, *select, limit=60, slow=False):
    """Of Python's tests those that match, without what needs the Internet."""
    words = ' '.join(f"-m '{pattern}'" if pattern[0] != '-' else f"-i '{pattern[1:]}'"
                     for pattern in select)
    name = f'python {module}' + (', all' if slow else '')
    return Program(f'python3 -m test -v {words} {module}', name, limit=limit, slow=slow)


PROGRAMS = [
    *(Program(name) for name in (
        'bind_timewait', 'reuseaddr_conflict', 'reuseport_addr_any',
        'reuseport_bpf_cpu', 'reuseport_dualstack',
        'sk_bind_sendto_listen', 'sk_connect_zero_addr', 'sk_so_peek_off',
        'so_netns_cookie', 'socket')),
    Program('reuseport_bpf', limit=20),
    Program('bind_wildcard', limit=120, slow=True),
    Program('so_incoming_cpu', limit=120, slow=True),
    Program('tls -f tls_basic -f tls_err -t non_established -t keysizes -t tls_v6ops '
            '-t prequeue -t sendfile -t splice_from_pipe -t recv_peek -t bidir',
            'tls, some', limit=150),
    Program('tls', 'tls, all', limit=300, slow=True),
    Program('ip_local_port_range',
            setup='sysctl -qw net.ipv4.ip_local_port_range="40000 49999"'),
    Program('reuseaddr_ports_exhausted',
            setup='sysctl -qw net.ipv4.ip_local_port_range="32768 32768" '
            'net.ipv4.ip_autobind_reuse=1'),
    *(Program(f'tcp_fastopen_backup_key {how}', limit=300, slow=True,
              setup='sysctl -qw net.ipv4.tcp_fastopen=3; ip tcp_metrics flush')
      for how in ('-4', '-6', '-4sr', '-6sr')),
    Program('tcp_inq -4'),
    Program('tcp_inq -6'),
    Program('ipv6_flowlabel_mgr'),
    Program('ipv6_flowlabel -l 1', 'ipv6_flowlabel auto=0',
            'sysctl -qw net.ipv6.auto_flowlabels=0'),
    Program('ipv6_flowlabel -l 1', 'ipv6_flowlabel auto=1',
            'sysctl -qw net.ipv6.auto_flowlabels=1'),
    Program('ipv6_flowlabel -l 1 -s', 'ipv6_flowlabel -s'),
    Program('ipv6_flowlabel -l 1 -p', 'ipv6_flowlabel -p',
            'sysctl -qw net.ipv6.flowlabel_reflect=4 '
            'net.ipv4.ping_group_range="0 2147483647"'),
    *(Program(f'udpgso -{version} {how}', f'udpgso -{version} {how}', UDPGSO_SETUP,
              OTHER)
      for version in (4, 6) for how in ('-C', '-C -s', '-C -m')),
    *(zerocopy(version, proto, flag)
      for version in (4, 6) for proto in ('tcp', 'udp') for flag in ('', '-z')),
    *(uring(version, proto, mode)
      for version in (4, 6) for proto in ('tcp', 'udp') for mode in (1, 2, 3)),
    *(bench(version, flags, slow) for version in (4, 6) for flags, slow in (
        ('-t', False), ('-S 0', False), ('-t -z', True), ('-S 0 -z -a', True),
        ('-S 0 -T -a', True))),
    *(Program(f'cmsg_sender -{version} -p {proto} {flags} {LOOPBACK[version == 6]} '
              '1234', f'cmsg_sender -{version} -p {proto} {flags}',
              'sysctl -qw net.ipv4.ping_group_range="0 2147483647"')
      for version in (4, 6) for proto, flags in (
          ('u', '-m 1001'), ('i', '-M 1000 -m 1001'), ('u', '-d 1 -t'))),
    *(Program(f'rxtimestamp --ipv{version} --{proto}',
              f'rxtimestamp --ipv{version} --{proto}', slow=version == 6)
      for version in (4, 6) for proto in ('tcp', 'udp')),
    *(Program(f'txtimestamp -{version} -L {LOOPBACK[version == 6]} {flags} '
              '-v 0 -V 0 -t 1000000 -S 100000 -c 1',
              f'txtimestamp -{version} {flags}'.strip(), slow=version == 6)
      for version in (4, 6) for flags in ('', '-u', '-u -C', '-n')),
    Program('bind_bhash 443 ipv4 127.0.0.1', 'bind_bhash ipv4', slow=True),
    Program('bind_bhash 443 ipv6 ::1', 'bind_bhash ipv6', slow=True),
    Program('ulimit -n 24100; stress_reuseport_listen 300 80',
            'stress_reuseport_listen', 'sysctl -qw net.ipv6.ip_nonlocal_bind=1',
            slow=True),
    sctp(4), sctp(6),
    Program('mptcp_sockopt'),
    Program('mptcp_sockopt -6'),
    *(Program(f'mptcp_inq {six} -t {send} -r {receive}'.replace('  ', ' '),
              f'mptcp_inq {six} -t {send} -r {receive}'.replace('  ', ' '), slow=True)
      for six in ('', '-6') for send in ('tcp', 'mptcp') for receive in ('mptcp',)),
    *(mptcp(version, how) for version in (4, 6)
      for how in ('', '-m mmap', '-m sendfile', '-s TCP')),
    python('test_socket', 'BasicTCPTest', 'BasicUDPTest', 'NonBlockingTCPTests',
           'SendmsgTCPTest', 'RecvmsgUDP6Test', 'ConnectedUDP*', 'SendfileUsingSendfileTest'),
    python('test_asyncio.test_sock_lowlevel', 'EPoll*'),
    python('test_socket', '-*CAN*', '-*Vsock*', slow=True, limit=400),
    python('test_asyncio.test_streams', slow=True, limit=200),
    python('test_asyncio.test_events', '*EPoll*', '-*ssl*', slow=True, limit=300),
]


def world(program, tuple_):
    """The commands that make a new network namespace what a program wants."""
    links, prefixes = ['link set lo up'], []
    if tuple_:
        prefixes = [f'prefix {a}/{128 if ":" in a else 32}' for a in program.addresses]
        if program.addresses == LOOPBACK:
            links += ['addr del 127.0.0.1/8 dev lo', 'addr del ::1/128 dev lo',
                      'addr add 127.0.0.2/8 dev lo']
    elif program.addresses != LOOPBACK:
        links += [f'addr add {a} dev lo' + (' nodad' if ':' in a else '')
                  for a in program.addresses]
    commands = r"printf '%s\n' " + ' '.join(f"'{line}'" for line in links) + ' | ip -b -'
    if tuple_:
        commands += (f' && tuplectl pool add p dev lo {" ".join(prefixes)} '
                     f'scope cgroup quarantine 0 plumb {PLUMB}')
    return commands


class Run:
    """A program in a network namespace of its own."""

    def __init__(self, program, tuple_):
        preload = f'LD_PRELOAD={UPSTREAM}/suites_preload.so'
        tuplerun = 'tuplerun --preload --' if tuple_ else ''
        script = (f'eval "$SUITES_WORLD" && {program.setup or "true"} || exit\n'
                  f'export {preload}; exec {tuplerun} sh -c "$PROGRAM"')
        self.end = time.monotonic() + program.limit * FACTOR
        self.out = tempfile.TemporaryFile()
        self.dir = tempfile.TemporaryDirectory()
        self.p = subprocess.Popen(
            ['sh', '-c', script], cwd=self.dir.name, stdin=subprocess.DEVNULL,
            stdout=self.out, stderr=self.out, start_new_session=True,
            preexec_fn=lambda: libc.unshare(CLONE_NEWNET),
            env={**os.environ, 'PATH': f'{UPSTREAM}:{os.environ["PATH"]}',
                 'SUITES_WORLD': world(program, tuple_), 'PROGRAM': program.command})

    def wait(self):
        """(what it said, exit status)"""
        try:
            status = self.p.wait(max(0, self.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            status = LATE
        # what a program leaves running would disturb the next one
        try:
            os.killpg(self.p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.p.wait()
        self.dir.cleanup()
        self.out.seek(0)
        return self.out.read().decode(errors='replace'), status


def verdicts(program, text, status):
    """What each test in a program came to: {name: ok, fail or skip}."""
    said = {}
    for word, name, skip in (m.groups() for m in map(TAP.match, text.splitlines()) if m):
        said[name] = 'skip' if skip else 'ok' if word == 'ok' else 'fail'
    for name, word in PYTHON.findall(text) if program.name.startswith('python') else ():
        said[name] = {'ok': 'ok', 'skipped': 'skip',
                      'expected failure': 'ok'}.get(word, 'fail')
    said['exit'] = {0: 'ok', 4: 'skip', LATE: LATE}.get(status, 'fail')
    return {f'{program.name}: {name}': verdict for name, verdict in said.items()}


def intended():
    """The patterns that Documentation/differences.rst explains."""
    with open(f'{HERE}/differences.rst') as f:
        return re.findall(r'^``(.+)``$', f.read(), re.M)


class Tap:
    def __init__(self):
        self.n = self.failed = 0
        print('TAP version 13', flush=True)

    def say(self, good, name, skip=''):
        self.n += 1
        self.failed += not good
        print(f'{"ok" if good else "not ok"} {self.n} {name}{skip}', flush=True)

    def close(self):
        print(f'1..{self.n}')
        return 1 if self.failed else 0


def last_lines(text, n=12):
    return ''.join(f'#   | {line}\n' for line in text.splitlines()[-n:])


def compare(tap, program, known, seen):
    """One program, both ways; every test of it is a line of the comparison."""
    results, texts, start = [], [], time.monotonic()
    # together: many of them only wait
    for run in [Run(program, tuple_) for tuple_ in (False, True)]:
        text, status = run.wait()
        results.append(verdicts(program, text, status))
        texts.append(text)
    inet, tuple_ = results
    bad = 0
    for name in sorted(inet.keys() | tuple_.keys()):
        a, b = inet.get(name, 'none'), tuple_.get(name, 'none')
        patterns = [p for p in known if fnmatch.fnmatchcase(name, p)]
        for pattern in patterns:
            seen[pattern] = seen.get(pattern, False) or a != b
        bad += a != b and not patterns
        mark = '' if a == b else ' intended' if patterns else ' DIFFERENT'
        print(f'# {name}  {a} {b}{mark}')
    what = f'{program.name}: {len(inet)} the same ({time.monotonic() - start:.1f} s)'
    late = [r[f'{program.name}: exit'] == LATE for r in results]
    if all(late):
        tap.say(False, f'{program.name}: no end after {program.limit * FACTOR} s')
    elif bad:
        print(last_lines(texts[0]) + '#   --\n' + last_lines(texts[1]), end='')
        tap.say(False, f'{program.name}: {bad} of {len(inet)} differ')
    elif 'ok' not in inet.values():
        print(last_lines(texts[0]), end='')
        tap.say(True, program.name, ' # SKIP does not pass as AF_INET either')
    else:
        tap.say(True, what)


def main(*patterns):
    tap, seen = Tap(), {}
    known = intended()
    for program in PROGRAMS:
        wanted = any(fnmatch.fnmatch(program.name, p) for p in patterns) \
            if patterns else LONG or not program.slow
        if wanted:
            compare(tap, program, known, seen)
    for name, differs in seen.items():
        tap.say(differs, f'as documented: {name}')
    return tap.close()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
