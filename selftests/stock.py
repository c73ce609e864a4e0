#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Pools of source dhcp: what an agent gives them, and what becomes of it. The
agent is this test; numbers of the protocol are written out, as in netlink.py.
"""

import contextlib
import errno
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import netlink
from netlink import (ACK, ADD_MEMBERSHIP, ADDR, DEFAULT, DEV, DUMP, EXCLUDE,
                     FORCE, LEASE_ADDR, LEASE_DEL_NTF, LEASE_FAIL_NTF,
                     LEASE_FREE_NTF, LEASE_GET, LEASE_KILL, LEASE_POOL, NAME,
                     PLUMB, POOL_DEL, POOL_GET, POOL_NEW, POOL_SET, QUOTA,
                     REQUEST, SOL_NETLINK, STATE, TOTAL, Genl, Reply, attr,
                     attrs, check, ip, nest, ok, prefix, u8, u32)

ADDR_SET, ADDR_DEL, ADDR_GET, WANT_NTF = range(20, 24)
SCOPE, ORDER, QUARANTINE, WAIT, SOURCE = 10, 11, 12, 13, 20
FREE, LOW, HIGH = 27, 34, 35
A_POOL, A_ADDR, A_VALID, A_NEW, A_IDLE, A_STATE, A_IDLE_MS = range(1, 8)
W_POOL, W_DEV, W_IFINDEX, W_FREE, W_WANT = range(1, 6)
LEASE_ERROR, LEASE_REASON = 13, 15
ACTIVE, LINGERING, QUARANTINED, STOCK = 1, 2, 4, 5
CLOSED, KILLED, WITHDRAWN, EXPIRED, NO_AGENT = range(5)
EVER = 0xffffffff
SOL_INET_TUPLE, INET_TUPLE_POOL, INET_TUPLE_SCOPE_ID, INET_TUPLE_LEASE = \
    7018, 1, 2, 3
SLOW = int(os.environ.get('TIMEOUT_FACTOR', '1'))
genl = None


def number(data):
    return int.from_bytes(data, sys.byteorder)


def group_of(name):
    known = dict(genl.ask(3, attr(2, 'inet_tuple'), id_=16).messages[0][1])
    for _, group in attrs(known[7]):
        group = dict(attrs(group))
        if group[1] == name.encode() + b'\0':
            return number(group[2])
    return None


class Listener:
    """Who has joined a multicast group."""

    def __init__(self, group):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.s.bind((0, 0))     # or it would hear nothing
        self.s.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group_of(group))
        self.seen = []

    def wait(self, cmd, seconds=0.3, like=lambda m: True):
        """The next event of that kind, or None; those before it are lost."""
        end = time.monotonic() + seconds
        while True:
            for i, (kind, said) in enumerate(self.seen):
                if kind == cmd and like(dict(said)):
                    del self.seen[:i + 1]
                    return dict(said)
            self.s.settimeout(max(0.01, end - time.monotonic()))
            try:
                r = Reply()
                r.take(self.s.recv(65536))
                self.seen += r.messages
            except socket.timeout:
                if time.monotonic() > end:
                    return None

    def forget(self):
        while self.wait(255, 0.05):
            pass
        self.seen = []

    def wants(self, seconds=0.3):
        """(free, want) of the next event"""
        m = self.wait(WANT_NTF, seconds)
        return m and (number(m[W_FREE]), number(m[W_WANT]))

    def close(self):
        self.s.close()


@contextlib.contextmanager
def listening(group):
    who = Listener(group)
    yield who
    who.close()


def request(addr, *more, pool='p'):
    return attr(A_POOL, pool) + attr(A_ADDR, ip(addr)) + b''.join(more)


def give(addr, valid=EVER, *more, pool='p'):
    return genl.ask(ADDR_SET, request(addr, u32(A_VALID, valid), *more,
                                      pool=pool))


def take_back(addr, *more, pool='p'):
    return genl.ask(ADDR_DEL, request(addr, *more, pool=pool))


def addresses(pool=None):
    """{address: attributes}; each in it once"""
    r = genl.dump(ADDR_GET, attr(A_POOL, pool) if pool else b'')
    told = [dict(m[1]) for m in r.messages]
    out = {socket.inet_ntoa(t[A_ADDR]): t for t in told}
    assert len(out) == len(told) and not r.error, r
    return out


def state(addr):
    told = addresses().get(addr)
    return told and number(told[A_STATE])


def becomes(addr, what, seconds=3):
    end = time.monotonic() + seconds * SLOW
    while state(addr) != what and time.monotonic() < end:
        time.sleep(0.02)
    return state(addr) == what


def pool_told(name='p'):
    return dict(genl.ask(POOL_GET, attr(NAME, name)).messages[0][1])


def counts(name='p'):
    told = pool_told(name)
    return number(told[TOTAL]), number(told[FREE])


def tuple_socket(type_=socket.SOCK_DGRAM, proto=0):
    s = socket.socket(18, type_, proto)
    return socket.socket(socket.AF_INET, type_ & 0xf, proto, fileno=s.detach())


def fails(name, error, call):
    try:
        call().close()
        check(name, False, 'done')
    except OSError as e:
        check(name, e.errno == error, e, f'expected {errno.errorcode[error]}')


def host(s):
    return s.getsockname()[0]


def on_device(addr):
    return f'inet {addr}/' in subprocess.run(
        ['ip', '-4', 'addr'], capture_output=True, text=True).stdout


def ip_addr(*words):
    subprocess.run(['ip', 'addr', *words], check=True)


def error_of(s, seconds=2):
    """SO_ERROR, once it is there"""
    end = time.monotonic() + seconds * SLOW
    while True:
        e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if e or time.monotonic() > end:
            return e
        time.sleep(0.01)


def new_pool(*more, name='p'):
    return genl.ask(POOL_NEW, attr(NAME, name) + attr(DEV, 'd0') +
                    u8(SOURCE, 1) + b''.join(more))


@contextlib.contextmanager
def pool(*more, name='p'):
    """A pool of source dhcp that is gone afterwards"""
    ok(f'pool {name}', new_pool(*more, name=name))
    yield
    ok(f'pool {name} is deleted',
       genl.ask(POOL_DEL, attr(NAME, name) + attr(FORCE)))


def tells():
    return netlink.tells(genl), sorted(addresses())


def refused(name, error, cmd, payload=b'', flags=ACK):
    """With that errno and a text, and nothing has changed"""
    before = tells()
    r = genl.ask(cmd, payload, flags)
    check(name, r.error == error and r.text, r,
          f'expected {errno.errorcode[error]}')
    after = tells()
    if after != before:
        check(name + ': and changes nothing', False, before, after)


def unprivileged(name, error, call):
    """What a user is told, in a process of his own"""
    pid = os.fork()
    if not pid:
        os.setgid(1000)
        os.setuid(1000)
        try:
            os._exit(call() or 0)
        except OSError as e:
            os._exit(e.errno)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    check(name, status == error, f'exit status {status}')


def pools():
    """What a pool of source dhcp is, and cannot have"""
    base = attr(NAME, 'q') + attr(DEV, 'd0') + u8(SOURCE, 1)
    for name, more in (
            ('a prefix', prefix('10.1.0.0/24')),
            ('an exclude', nest(EXCLUDE, attr(ADDR, ip('10.1.0.1')))),
            ('prefix plumbing', u8(PLUMB, 1)), ('an order', u8(ORDER, 1)),
            ('a high mark of 0', u32(LOW, 0) + u32(HIGH, 0)),
            ('a low mark above the high one', u32(LOW, 5) + u32(HIGH, 4))):
        refused(f'{name}, for a new pool', errno.EINVAL, POOL_NEW, base + more)
    static = attr(NAME, 'q') + attr(DEV, 'd0') + prefix('10.1.0.0/24')
    for mark in (LOW, HIGH):
        refused(f'mark {mark} of a pool with prefixes', errno.EINVAL, POOL_NEW,
                static + u32(mark, 3))
    refused('no device', errno.EINVAL, POOL_NEW, attr(NAME, 'q') + u8(SOURCE, 1))
    with listening('agent') as agent:
        with pool():
            told = pool_told()
            check('defaults', [number(told[k]) for k in (LOW, HIGH, WAIT, TOTAL,
                  FREE, DEFAULT)] == [2, 8, 5000, 0, 0, 1], told)
            m = agent.wait(WANT_NTF)
            check('the agent is told of the pool', m and m[W_POOL] == b'p\0' and
                  m[W_DEV] == b'd0\0' and number(m[W_IFINDEX]) ==
                  socket.if_nametoindex('d0') and number(m[W_FREE]) == 0 and
                  number(m[W_WANT]) == 8, m)
            named = attr(NAME, 'p')
            for name, more in (
                    ('a prefix', prefix('10.1.0.0/24')),
                    ('prefix plumbing', u8(PLUMB, 1)),
                    ('an order', u8(ORDER, 0)), ('a high mark of 0', u32(HIGH, 0)),
                    ('a high mark below the low one', u32(HIGH, 1)),
                    ('a low mark above the high one', u32(LOW, 9))):
                refused(f'{name}, by set', errno.EINVAL, POOL_SET, named + more)
            refused('another source', errno.EOPNOTSUPP, POOL_SET,
                    named + u8(SOURCE, 0))
            ok('the same source', genl.ask(POOL_SET, named + u8(SOURCE, 1)))
            agent.forget()
            ok('other marks', genl.ask(POOL_SET, named + u32(LOW, 1) +
                                       u32(HIGH, 3)))
            check('are told', agent.wants() == (0, 3))
            ok('another setting', genl.ask(POOL_SET, named + u32(QUOTA, 5)))
            check('is not', agent.wants() is None)
            base = '/sys/class/inet_tuple/p/'
            with open(base + 'low', 'w', encoding='ascii') as f:
                f.write('2')
            check('a mark by sysfs', [open(base + f, encoding='ascii').read()
                  for f in ('source', 'low', 'high', 'total')] ==
                  ['dhcp\n', '2\n', '3\n', '0\n'])
            check('is told', agent.wants() == (0, 3))
        ok('a pool with prefixes', genl.ask(POOL_NEW, static))
        refused('gets no marks', errno.EINVAL, POOL_SET,
                attr(NAME, 'q') + u32(HIGH, 3))
        refused('nor another source', errno.EOPNOTSUPP, POOL_SET,
                attr(NAME, 'q') + u8(SOURCE, 1))
        check('nor files of marks',
              not os.path.exists('/sys/class/inet_tuple/q/low'))
        ok('it is deleted', genl.ask(POOL_DEL, attr(NAME, 'q')))
    for given, want in (((u32(LOW, 20),), (20, 20)), ((u32(HIGH, 1),), (1, 1))):
        with pool(*given):
            told = pool_told()
            check('the other mark goes with it',
                  (number(told[LOW]), number(told[HIGH])) == want)


def requests():
    """ADDR_SET, ADDR_DEL and ADDR_GET that are refused"""
    ok('a pool with prefixes', genl.ask(POOL_NEW, attr(NAME, 'static') +
       attr(DEV, 'd0') + prefix('10.1.0.0/24') + u8(DEFAULT, 0)))
    ip_addr('add', '10.5.0.1/24', 'dev', 'd0')
    with pool(), pool(u8(DEFAULT, 0), name='other'):
        ok('an address', give('10.9.0.1'))
        good = u32(A_VALID, 60)
        for text in ('224.0.0.1', '127.0.0.1', '0.0.0.0', '255.255.255.255',
                     'fd00::1'):
            refused(f'address {text}', errno.EINVAL, ADDR_SET,
                    request(text, good))
        for n in (0, 3, 5, 15, 17):
            refused(f'an address of {n} bytes', errno.EINVAL, ADDR_SET,
                    attr(A_POOL, 'p') + attr(A_ADDR, b'\x0a' * n) + good)
        refused('a lifetime of 0', errno.EINVAL, ADDR_SET,
                request('10.9.0.2', u32(A_VALID, 0)))
        refused('a renewal for 0', errno.EINVAL, ADDR_SET,
                request('10.9.0.1', u32(A_VALID, 0)))
        refused('no lifetime', errno.EINVAL, ADDR_SET, request('10.9.0.2'))
        refused('a lifetime of 3 bytes', errno.EINVAL, ADDR_SET,
                request('10.9.0.2', attr(A_VALID, b'\1\0\0')))
        refused('no address', errno.EINVAL, ADDR_SET, attr(A_POOL, 'p') + good)
        refused('no pool', errno.EINVAL, ADDR_SET,
                attr(A_ADDR, ip('10.9.0.2')) + good)
        refused('a pool that is not there', errno.ENOENT, ADDR_SET,
                request('10.9.0.2', good, pool='nope'))
        refused('a pool with prefixes', errno.EINVAL, ADDR_SET,
                request('10.1.0.2', good, pool='static'))
        refused('a name with a slash', errno.EINVAL, ADDR_SET,
                request('10.9.0.2', good, pool='a/b'))
        refused('a flag with a value', errno.ERANGE, ADDR_SET,
                request('10.9.0.2', good, u8(A_NEW, 1)))
        for type_ in (A_IDLE, A_STATE, A_IDLE_MS, 9, 99):
            refused(f'attribute {type_} in ADDR_SET', errno.EINVAL, ADDR_SET,
                    request('10.9.0.2', good, attr(type_)))
        refused('an address that is there, as a new one', errno.EEXIST, ADDR_SET,
                request('10.9.0.1', good, attr(A_NEW)))
        refused('an address of another pool', errno.EADDRINUSE, ADDR_SET,
                request('10.9.0.1', good, pool='other'))
        refused('an address in a prefix of another pool', errno.EADDRINUSE,
                ADDR_SET, request('10.1.0.2', good))
        refused('an address of the host', errno.EADDRINUSE, ADDR_SET,
                request('10.5.0.1', good))
        refused('a prefix with such an address', errno.EEXIST, POOL_NEW,
                attr(NAME, 'q') + attr(DEV, 'd0') + prefix('10.9.0.0/24'))
        refused('the same, by set', errno.EEXIST, POOL_SET,
                attr(NAME, 'static') + prefix('10.9.0.0/24'))
        refused('taken back: an address that is not there', errno.ENOENT,
                ADDR_DEL, request('10.9.0.77'))
        refused('that of another pool', errno.ENOENT, ADDR_DEL,
                request('10.9.0.1', pool='other'))
        refused('from a pool with prefixes', errno.EINVAL, ADDR_DEL,
                request('10.1.0.1', pool='static'))
        for type_ in (A_VALID, A_NEW):
            refused(f'with attribute {type_}', errno.EINVAL, ADDR_DEL,
                    request('10.9.0.1', attr(type_)))
        for name, error in (('nope', errno.ENOENT), ('static', errno.EINVAL)):
            r = genl.dump(ADDR_GET, attr(A_POOL, name))
            check(f'a dump of pool {name}', r.error == error, r)
        r = genl.dump(ADDR_GET, attr(A_ADDR, ip('10.9.0.1')))
        check('a dump of an address', r.error == errno.EINVAL, r)
        check('the addresses are told by pool', list(addresses('p')) ==
              ['10.9.0.1'] and not addresses('other'))
        unprivileged('a user may look', 0,
                     lambda: Genl().dump(ADDR_GET).error)
        unprivileged('a user gives no address', errno.EPERM,
                     lambda: Genl().ask(ADDR_SET, request('10.9.0.3',
                                                          good)).error)
        unprivileged('nor takes one back', errno.EPERM,
                     lambda: Genl().ask(ADDR_DEL, request('10.9.0.1')).error)
        unprivileged('nor is he an agent', errno.EPERM,
                     lambda: Listener('agent').close())
    ip_addr('del', '10.5.0.1/24', 'dev', 'd0')
    ok('no pool with prefixes', genl.ask(POOL_DEL, attr(NAME, 'static')))


def no_agent():
    with pool(), listening('events') as events:
        start = time.monotonic()
        fails('no agent, no address', errno.EADDRNOTAVAIL, tuple_socket)
        check('and no waiting', time.monotonic() - start < 1 * SLOW)
        m = events.wait(LEASE_FAIL_NTF)
        check('an event says why', m and number(m[LEASE_REASON]) == NO_AGENT and
              number(m[LEASE_ERROR]) == errno.EADDRNOTAVAIL and
              m[LEASE_POOL] == b'p\0' and LEASE_ADDR not in m, m)
        fails('nor for one that does not block', errno.EADDRNOTAVAIL,
              lambda: tuple_socket(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK))
        ok('an address', give('10.9.0.1'))
        s = tuple_socket()
        check('what is in stock needs none', host(s) == '10.9.0.1')
        s.close()


def stock():
    """From stock to a socket and back"""
    with pool(), listening('agent'), listening('events') as events:
        for i in (1, 2, 3):
            ok(f'address {i}', give(f'10.9.0.{i}', 100 if i == 1 else EVER))
        told = addresses()
        check('their lifetimes', [number(a[A_VALID]) for a in told.values()] in
              ([99, EVER, EVER], [100, EVER, EVER]), told)
        check('they are in stock', all(number(a[A_STATE]) == STOCK and
              number(a[A_IDLE_MS]) < 5000 * SLOW for a in told.values()))
        check('as the pool tells', counts() == (3, 3))
        r = genl.ask(LEASE_GET, attr(LEASE_ADDR, ip('10.9.0.1')))
        check('no lease', r.error == errno.ENOENT and r.text, r)
        check('nor in a dump', not genl.dump(LEASE_GET).messages and
              not genl.dump(LEASE_GET, attr(LEASE_ADDR, ip('10.9.0.1'))).messages)
        r = genl.ask(LEASE_KILL, attr(LEASE_ADDR, ip('10.9.0.1')))
        check('nor to be killed', r.error == errno.ENOENT, r)
        check('nor on the device', not on_device('10.9.0.1'))
        a, b = tuple_socket(), tuple_socket()
        check('the first ones first', [host(a), host(b)] ==
              ['10.9.0.1', '10.9.0.2'])
        check('on the device', on_device('10.9.0.1'))
        check('not in stock', state('10.9.0.1') == ACTIVE and
              A_IDLE_MS not in addresses()['10.9.0.1'] and counts() == (3, 1))
        lease = a.getsockopt(SOL_INET_TUPLE, INET_TUPLE_LEASE, 200)
        left = struct.unpack_from('=Q', lease, 72)[0]
        check('the socket knows its end', 90000 < left <= 100000, left)
        lease = b.getsockopt(SOL_INET_TUPLE, INET_TUPLE_LEASE, 200)
        check('or that there is none',
              struct.unpack_from('=Q', lease, 72)[0] == (1 << 64) - 1)
        ok('a renewal', give('10.9.0.1', 1000))
        check('is told', number(addresses()['10.9.0.1'][A_VALID]) in (999, 1000))
        check('and not seen by the socket',
              not a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        events.forget()
        a.close()
        m = events.wait(LEASE_DEL_NTF)
        check('its end has a reason', m and number(m[LEASE_REASON]) == CLOSED, m)
        check('it is freed', events.wait(LEASE_FREE_NTF))
        check('and in stock again', becomes('10.9.0.1', STOCK) and
              counts() == (3, 2) and not on_device('10.9.0.1'))
        b.close()
        socks = [tuple_socket() for _ in range(3)]
        check('in the order of their return', [host(s) for s in socks] ==
              ['10.9.0.3', '10.9.0.1', '10.9.0.2'])
        for s in socks:
            s.close()
        s = socket.socket(18, socket.SOCK_DGRAM)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, fileno=s.detach())
        s.bind(('10.9.0.2', 0))
        check('a bind to one of them', host(s) == '10.9.0.2' and
              state('10.9.0.2') == ACTIVE)
        t = tuple_socket()
        fails('not to what is leased', errno.EADDRINUSE,
              lambda: t.bind(('10.9.0.2', 0)) or t)
        fails('nor to what the pool has not', errno.EADDRNOTAVAIL,
              lambda: t.bind(('10.9.0.9', 0)) or t)
        s.close()
        t.close()


PROTOCOLS = (('udp', socket.SOCK_DGRAM, socket.IPPROTO_UDP),
             ('ping', socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
             ('udplite', socket.SOCK_DGRAM, socket.IPPROTO_UDPLITE),
             ('raw', socket.SOCK_RAW, socket.IPPROTO_UDP),
             ('tcp', socket.SOCK_STREAM, socket.IPPROTO_TCP),
             ('sctp', socket.SOCK_STREAM, socket.IPPROTO_SCTP),
             ('mptcp', socket.SOCK_STREAM, socket.IPPROTO_MPTCP))


def holders(how, type_, proto):
    """What holds the address, in that state, and what goes with it"""
    s = tuple_socket(type_, proto)
    if how == 'connected':
        server = socket.create_server(('127.0.0.1', 0))
        s.connect(server.getsockname())
        return s, [server, server.accept()[0]]
    if how in ('listening', 'accepted'):
        s.bind(('10.9.0.1', 80))
        s.listen()
    if how == 'accepted':
        c = socket.create_connection(('10.9.0.1', 80))
        return s.accept()[0], [c, s]
    return s, []


def withdrawn(name, events, *what):
    ok('an address', give('10.9.0.1'))
    s, more = holders(*what)
    refused(f'{name}: held, only if idle', errno.EBUSY, ADDR_DEL,
            request('10.9.0.1', attr(A_IDLE)))
    events.forget()
    ok(f'{name}: taken back', take_back('10.9.0.1'))
    check(f'{name}: is gone', not on_device('10.9.0.1') and
          not addresses() and counts() == (0, 0))
    m = events.wait(LEASE_DEL_NTF, 1)
    check(f'{name}: an event says why', m and
          number(m[LEASE_REASON]) == WITHDRAWN, m)
    e = error_of(s)
    check(f'{name}: the socket is told', e == errno.ENETRESET or
          # what listens has nowhere to tell it
          'listening' in what and not e, e)
    for x in [s] + more:
        x.close()


def withdraw():
    subprocess.run(['sysctl', '-qw', 'net.ipv4.ping_group_range=0 0'], check=True)
    with pool(), listening('agent'), listening('events') as events:
        for name, type_, proto in PROTOCOLS:
            try:
                socket.socket(socket.AF_INET, type_, proto).close()
            except OSError as e:
                check(f'{name} # SKIP {e}', True)
                continue
            states = ('unbound',)
            if name == 'tcp':
                states += ('connected', 'listening', 'accepted')
            for how in states:
                withdrawn(f'{name}, {how}', events, how, type_, proto)
        ok('an address', give('10.9.0.1'))
        ok('is taken back from stock', take_back('10.9.0.1', attr(A_IDLE)))
        check('and gone', not addresses() and counts() == (0, 0))
        ok('and given again', give('10.9.0.1', 60, attr(A_NEW)))


def expire():
    with pool(), listening('agent'), listening('events') as events:
        server = socket.create_server(('127.0.0.1', 0))
        for i in range(1, 5):
            ok(f'address {i}, for 3 s', give(f'10.9.0.{i}', 3))
        start = time.monotonic()
        udp, tcp = tuple_socket(), tuple_socket(socket.SOCK_STREAM)
        kept = tuple_socket()
        tcp.connect(server.getsockname())
        peer = server.accept()[0]
        ok('the third is renewed', give('10.9.0.3', 60))
        time.sleep(max(0, start + 2 - time.monotonic()))
        check('they last', not udp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
              and state('10.9.0.4') == STOCK)
        check('UDP is told of the end', error_of(udp, 4) == errno.ENETRESET)
        took = time.monotonic() - start
        check('in time', 2.8 < took < 3.5 * SLOW, took)
        check('TCP too', error_of(tcp) == errno.ENETRESET)
        m = events.wait(LEASE_DEL_NTF, 1)
        check('an event says why', m and number(m[LEASE_REASON]) == EXPIRED, m)
        check('they are gone', becomes('10.9.0.1', None) and
              becomes('10.9.0.2', None) and becomes('10.9.0.4', None) and
              not on_device('10.9.0.1') and not on_device('10.9.0.2'))
        check('the renewed one is not', state('10.9.0.3') == ACTIVE and
              on_device('10.9.0.3') and counts() == (1, 0) and
              not kept.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        for s in (udp, tcp, kept, peer, server):
            s.close()
        ok('one that is given for ever', give('10.9.0.3', EVER))
        ok('and then for 1 s', give('10.9.0.3', 1))
        check('ends', becomes('10.9.0.3', None))


class Waiting(threading.Thread):
    """One who calls socket() in a thread of his own"""

    def __init__(self):
        super().__init__()
        self.start_time, self.sock, self.error = time.monotonic(), None, 0
        self.took = None
        self.start()

    def run(self):
        try:
            self.sock = tuple_socket()
        except OSError as e:
            self.error = e.errno
        self.took = time.monotonic() - self.start_time


def waiting():
    with pool(u32(LOW, 0), u32(HIGH, 2)), listening('agent') as agent:
        agent.forget()
        w = Waiting()
        check('who waits is told of, and what is to be in stock',
              agent.wants(1) == (0, 3))
        time.sleep(0.3)
        check('it waits', w.is_alive())
        check('again after a second', agent.wants(2 * SLOW) == (0, 3))
        ok('an address', give('10.9.0.1'))
        w.join(5 * SLOW)
        check('ends its waiting', w.sock and host(w.sock) == '10.9.0.1', w.error)
        agent.forget()
        nonblock = lambda: tuple_socket(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        fails('who does not block is told so', errno.EAGAIN, nonblock)
        check('and asked for', agent.wants(1) == (0, 3))
        ok('an address', give('10.9.0.2'))
        s = nonblock()
        check('the next try gets it', host(s) == '10.9.0.2')
        s.close()
        s = tuple_socket()
        ok('a pool with less patience', genl.ask(POOL_SET, attr(NAME, 'p') +
                                                 u32(WAIT, 300)))
        start = time.monotonic()
        fails('the patience ends', errno.EADDRNOTAVAIL, tuple_socket)
        took = time.monotonic() - start
        check('in time', 0.28 < took < 1 * SLOW, took)
        ok('a pool with none', genl.ask(POOL_SET, attr(NAME, 'p') +
                                        u32(WAIT, 0)))
        fails('fails at once', errno.EADDRNOTAVAIL, tuple_socket)
        ok('a pool with much', genl.ask(POOL_SET, attr(NAME, 'p') +
                                        u32(WAIT, 60000)))
        for sig in (signal.SIGKILL, signal.SIGTERM):
            pid = os.fork()
            if not pid:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                tuple_socket()
                os._exit(0)
            time.sleep(0.5)
            os.kill(pid, sig)
            start = time.monotonic()
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            check(f'who waits is killed by signal {sig:d}', status == -sig and
                  time.monotonic() - start < 2 * SLOW, status)
        agent.forget()
        first, w = w, Waiting()
        agent.wants(1)
        agent.close()
        fails('the agent goes: nobody waits any more', errno.EADDRNOTAVAIL,
              tuple_socket)
        check('but who does', w.is_alive())
        with listening('agent') as other:
            check('and asks the next', other.wants(3 * SLOW) == (0, 3))
            s.close()
            w.join(5 * SLOW)
            check('what another gives back is his', w.sock, w.error)
            ws = [Waiting() for _ in range(5)]
            time.sleep(0.5)
            other.forget()
            ok('draining', genl.ask(POOL_SET, attr(NAME, 'p') + u8(STATE, 1)))
            for x in ws:
                x.join(5 * SLOW)
            check('ends the waiting', all(x.error == errno.EADDRNOTAVAIL
                                          for x in ws), [x.error for x in ws])
            ok('active', genl.ask(POOL_SET, attr(NAME, 'p') + u8(STATE, 0)))
            w2 = Waiting()
            time.sleep(0.3)
            ok('the pool is deleted under it', genl.ask(
                POOL_DEL, attr(NAME, 'p') + attr(FORCE)))
            w2.join(5 * SLOW)
            check('which ends its waiting', w2.error == errno.EADDRNOTAVAIL)
            check('and the leases', error_of(w.sock) == errno.ECONNABORTED)
            first.sock.close()
        ok('the pool', new_pool())


def marks():
    """No more events than what is wanted grows"""
    with pool(u32(LOW, 3), u32(HIGH, 6)), listening('agent') as agent:
        for i in range(1, 7):
            give(f'10.9.0.{i}')
        agent.forget()
        socks = [tuple_socket() for _ in range(3)]
        check('above the mark nothing is said', agent.wants() is None)
        socks.append(tuple_socket())
        check('below it is', agent.wants() == (2, 4))
        check('once', agent.wants(1.5) is None)
        give('10.9.0.7')
        check('what is given is not asked for', agent.wants() is None)
        socks.append(tuple_socket())
        check('what is taken then is', agent.wants() == (2, 4))
        socks.append(tuple_socket())
        check('and one more', agent.wants() == (1, 5))
        socks.pop().close()
        becomes('10.9.0.6', STOCK)
        socks.append(tuple_socket())
        check('but not what has been asked for', agent.wants() is None)
        ok('one of the stock goes', take_back('10.9.0.6', attr(A_IDLE)))
        check('and is asked for', agent.wants() == (0, 6))
        for s in socks:
            s.close()


def quarantine():
    with pool(u32(QUARANTINE, 1500)), listening('agent'):
        ok('an address', give('10.9.0.1', 60))
        s = tuple_socket()
        s.close()
        check('rests', state('10.9.0.1') == QUARANTINED and counts() == (1, 0))
        refused('only if idle', errno.EBUSY, ADDR_DEL,
                request('10.9.0.1', attr(A_IDLE)))
        ok('a renewal', give('10.9.0.1', 70))
        check('does not end that', state('10.9.0.1') == QUARANTINED)
        time.sleep(0.5)
        check('it takes its time', state('10.9.0.1') == QUARANTINED)
        check('then it is in stock', becomes('10.9.0.1', STOCK))
        check('with its lifetime', number(addresses()['10.9.0.1'][A_VALID]) > 60)
        tuple_socket().close()
        ok('taken back from there', take_back('10.9.0.1'))
        check('at once', not addresses())
        ok('an address for 1 s', give('10.9.0.1', 1))
        tuple_socket().close()
        check('ends while it rests', becomes('10.9.0.1', None))
    with pool(), listening('agent'):
        server = socket.create_server(('127.0.0.1', 0))
        ok('an address', give('10.9.0.1', 60))
        s = tuple_socket(socket.SOCK_STREAM)
        s.connect(server.getsockname())
        peer = server.accept()[0]
        s.close()
        peer.close()
        check('TIME_WAIT keeps it', becomes('10.9.0.1', LINGERING) and
              on_device('10.9.0.1'))
        refused('only if idle, while it lingers', errno.EBUSY, ADDR_DEL,
                request('10.9.0.1', attr(A_IDLE)))
        ok('taken back from there', take_back('10.9.0.1'))
        check('it is gone', not addresses() and not on_device('10.9.0.1'))
        server.close()


def foreign():
    """The host has what the pool has"""
    with pool(), listening('agent'), listening('events') as events:
        ok('two addresses', give('10.9.0.1'))
        give('10.9.0.2')
        ip_addr('add', '10.9.0.1/32', 'dev', 'd0')
        check('not in stock while the host has it',
              state('10.9.0.1') == QUARANTINED and counts() == (2, 1))
        s = tuple_socket()
        check('nor leased', host(s) == '10.9.0.2')
        s.close()
        s = tuple_socket()
        check('ever', host(s) == '10.9.0.2')
        ip_addr('del', '10.9.0.1/32', 'dev', 'd0')
        check('afterwards it is again', state('10.9.0.1') == STOCK and
              counts() == (2, 1))
        ip_addr('add', '10.9.0.1/32', 'dev', 'd0')
        ok('it can be renewed meanwhile', give('10.9.0.1', 1))
        check('and expire', becomes('10.9.0.1', None))
        ip_addr('del', '10.9.0.1/32', 'dev', 'd0')
        check('and does not come back', state('10.9.0.1') is None and
              counts() == (1, 0))
        events.forget()
        ip_addr('del', '10.9.0.2/32', 'dev', 'd0')
        check('deleted under a socket', error_of(s) == errno.ECONNABORTED)
        m = events.wait(LEASE_DEL_NTF, 1)
        check('is killed', m and number(m[LEASE_REASON]) == KILLED, m)
        check('and in stock', becomes('10.9.0.2', STOCK))
        s.close()
        s = tuple_socket()
        events.forget()
        ok('a lease killed', genl.ask(LEASE_KILL,
                                      attr(LEASE_ADDR, ip('10.9.0.2'))))
        m = events.wait(LEASE_DEL_NTF, 1)
        check('too', m and number(m[LEASE_REASON]) == KILLED and
              error_of(s) == errno.ECONNABORTED and
              becomes('10.9.0.2', STOCK), m)
        s.close()


def shared():
    with pool(u8(SCOPE, 3), u32(QUARANTINE, 800)), listening('agent'):
        ok('two addresses', give('10.9.0.1', 60))
        give('10.9.0.2', 60)
        a, b = tuple_socket(), tuple_socket()
        check('one user, one address', host(a) == host(b) == '10.9.0.1')
        a.close()
        b.close()
        check('it rests', state('10.9.0.1') == QUARANTINED)
        a = tuple_socket()
        check('and is his again', host(a) == '10.9.0.1' and
              state('10.9.0.1') == ACTIVE)
        time.sleep(1)
        check('and stays so', state('10.9.0.1') == ACTIVE)
        a.close()
        check('then in stock', becomes('10.9.0.1', STOCK))
        a = tuple_socket()
        check('the other comes next', host(a) == '10.9.0.2')
        ok('taken back', take_back('10.9.0.2'))
        check('from the user', error_of(a) == errno.ENETRESET)
        b = tuple_socket()
        check('who gets another one', host(b) == '10.9.0.1')
        a.close()
        b.close()
    with pool(u32(QUOTA, 1)), listening('agent') as agent:
        give('10.9.0.1')
        give('10.9.0.2')
        s = tuple_socket()
        fails('a quota', errno.EDQUOT, tuple_socket)
        check('leaves it in stock', counts() == (2, 1))
        ok('nothing is in stock', take_back('10.9.0.2'))
        agent.forget()
        fails('and has none fetched', errno.EDQUOT, tuple_socket)
        check('of anybody', agent.wants() is None)
        ok('an address', give('10.9.0.2'))
        s.close()
        tuple_socket().close()
        check('is given back', becomes('10.9.0.2', STOCK) and counts() == (2, 2))


def dumps():
    """While addresses come, go and are leased between any two reads"""
    random.seed(9)
    n = 3000
    names = [f'10.10.{i // 250}.{i % 250 + 1}' for i in range(n)]
    with pool(), listening('agent'):
        for name in names:
            give(name, 600)
        check(f'{n} addresses', counts() == (n, n))
        stay, r, socks, reads = set(names), Reply(), [], 0
        dump = Genl()
        dump.send(ADDR_GET, attr(A_POOL, 'p'), REQUEST | DUMP)
        while not r.done:
            r.take(dump.s.recv(1 << 18))
            reads += 1
            for _ in range(4):
                gone = names[random.randrange(n)]
                take_back(gone)
                stay.discard(gone)
                if random.random() < .5:
                    give(gone, 600)
                socks.append(tuple_socket())
        got = [socket.inet_ntoa(dict(m[1])[A_ADDR]) for m in r.messages]
        # one that went and came again may be in it twice
        check(f'each that stays is told once, in {reads} reads', reads > 5 and
              all(got.count(a) == 1 for a in stay), len(got), len(stay))
        dump.send(ADDR_GET, b'', REQUEST | DUMP)
        dump.s.recv(1 << 18)
        for s in socks:
            s.close()
    dump.s.close()


def churn(seconds):
    """Short lives, under sockets that come and go"""
    random.seed(10)
    names = [f'10.11.0.{i}' for i in range(1, 60)]
    with pool(u32(QUARANTINE, 20), u32(WAIT, 100)), listening('agent'):
        end = time.monotonic() + seconds
        stop, done = threading.Event(), []

        def users():
            mine, good = [], 0
            while not stop.is_set():
                try:
                    mine.append(tuple_socket(random.choice(
                        (socket.SOCK_DGRAM, socket.SOCK_STREAM))))
                    good += 1
                except OSError:
                    pass
                if len(mine) > 12:
                    mine.pop(random.randrange(len(mine))).close()
            for s in mine:
                s.close()
            done.append(good)

        threads = [threading.Thread(target=users) for _ in range(4)]
        for t in threads:
            t.start()
        errors = set()
        while time.monotonic() < end:
            name = random.choice(names)
            what = random.random()
            if what < .7:
                errors.add(give(name, 1).error)
            elif what < .9:
                errors.add(take_back(name, attr(A_IDLE)).error)
            else:
                errors.add(take_back(name).error)
        stop.set()
        for t in threads:
            t.join()
        check(f'{sum(done)} sockets got an address', sum(done) > 20, done)
        check('the agent was told what it knows', errors <=
              {0, errno.ENOENT, errno.EBUSY}, errors)
        last = time.monotonic() + 4 * SLOW
        while addresses() and time.monotonic() < last:
            time.sleep(.1)
        check('all expire in the end', not addresses() and counts() == (0, 0),
              addresses())
        left = subprocess.run(['ip', '-4', 'addr'], capture_output=True,
                              text=True).stdout
        check('and the device has none', '10.11.' not in left, left)


def ctl(*words, text=None):
    """What tuplectl prints, or its complaint"""
    r = subprocess.run(['tuplectl', *words], capture_output=True, text=True,
                       input=text, check=False)
    return r.stdout if not r.returncode else r.stderr


def command():
    check('tuplectl adds a pool', ctl('pool', 'add', 'p', 'dev', 'd0', 'source',
                                      'dhcp', 'low', '4', 'high', '16') == '')
    shown = ctl('pool', 'show', 'p')
    check('and shows it', ' source dhcp low 4 high 16 ' in shown and
          ' wait 5000 ' in shown and shown.startswith('p dev d0 total 0 '), shown)
    ok('an address', give('10.9.0.1', 100))
    ok('another', give('10.9.0.2'))
    s = tuple_socket()
    told = [l.split() for l in ctl('addr').splitlines()]
    check('it shows the addresses', [l[:3] for l in told] == [
        ['ADDRESS', 'POOL', 'STATE'], ['10.9.0.1', 'p', 'active'],
        ['10.9.0.2', 'p', 'stock']] and told[2][3:5] == ['for', 'ever'], told)
    told = json.loads(ctl('-j', 'addr', 'show', 'pool', 'p'))
    check('as JSON too', [a['address'] for a in told] == ['10.9.0.1', '10.9.0.2']
          and told[0]['valid_s'] in range(90, 101) and
          told[1]['valid_s'] is None, told)
    told = json.loads(ctl('-j', 'lease'))
    check('a lease has an end', len(told) == 1 and
          80000 < told[0]['expiry_ms'] <= 100000, told)
    s.close()
    check('no pool', ctl('addr', 'show', 'pool', 'nope').startswith('tuplectl: '))
    ok('other settings', genl.ask(POOL_SET, attr(NAME, 'p') + u32(WAIT, 0) +
                                  u32(LOW, 0)))
    saved = ctl('save')
    check('it is saved', saved == 'pool add p dev d0 wait 0 default on source '
          'dhcp low 0 high 16\n', saved)
    shown = ctl('-j', 'pool').replace('"total":2', '"total":0')
    check('and made anew', ctl('pool', 'del', 'p') == '' and
          ctl('-b', '-', text=saved) == '' and ctl('-j', 'pool') == shown,
          shown, ctl('-j', 'pool'))
    ok('it is deleted', genl.ask(POOL_DEL, attr(NAME, 'p')))


def ends():
    """Of the pool, the namespace and the module"""
    ok('a pool', new_pool())
    for i in range(1, 4):
        give(f'10.9.0.{i}', 60 if i == 1 else EVER)
    with listening('agent'):
        s = tuple_socket()
        refused('a pool in use', errno.EBUSY, POOL_DEL, attr(NAME, 'p'))
        ok('is deleted by force', genl.ask(POOL_DEL, attr(NAME, 'p') +
                                           attr(FORCE)))
        check('its socket is told', error_of(s) == errno.ECONNABORTED and
              not on_device('10.9.0.1'))
        s.close()
    ok('another pool has its addresses', new_pool(name='q'))
    ok('one of them', give('10.9.0.1', pool='q'))
    ok('it goes without force', genl.ask(POOL_DEL, attr(NAME, 'q')))

    pid = os.fork()
    if not pid:
        netlink.namespace()
        globals()['genl'] = Genl()
        good = not new_pool().error
        for i in range(1, 6):
            good &= not give(f'10.9.0.{i}', 60 if i % 2 else EVER).error
        with listening('agent'):
            socks = [tuple_socket(), tuple_socket()]
            socks[0].close()
        os._exit(not good)
    check('a namespace ends with addresses in stock and in use',
          os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0)
    ok('a pool', new_pool())
    for i in range(1, 6):
        give(f'10.9.0.{i}', 1 if i == 1 else EVER)
    tuple_socket().close()
    genl.s.close()
    end = time.monotonic() + 10 * SLOW
    while subprocess.run(['rmmod', 'inet_tuple'], stderr=subprocess.DEVNULL,
                         check=False).returncode and time.monotonic() < end:
        time.sleep(.2)
    check('the module is unloaded with stock in a pool',
          not os.path.exists('/sys/module/inet_tuple'))
    time.sleep(1)   # what was to expire, and has gone


def own_sysfs():
    """The class of the namespace that we are in now"""
    if netlink.libc.unshare(0x20000):   # CLONE_NEWNS
        raise OSError('unshare')
    subprocess.run(['mount', '--make-rprivate', '/'], check=True)
    subprocess.run(['mount', '-t', 'sysfs', 'none', '/sys'], check=True)


def main():
    global genl
    print('TAP version 13')
    netlink.namespace()
    own_sysfs()
    genl = Genl()
    for part in (pools, requests, no_agent, stock, withdraw, expire, waiting,
                 marks, quarantine, foreign, shared, dumps,
                 command, lambda: churn(6 * SLOW), ends):
        try:
            part()
        except Exception as e:      # a part that fails is not all
            check(f'{part.__name__} comes to its end', False, repr(e))
            genl.ask(POOL_DEL, attr(NAME, 'p') + attr(FORCE))
            genl.ask(POOL_DEL, attr(NAME, 'other') + attr(FORCE))
    print(f'1..{netlink.count}')
    return netlink.failed > 0


if __name__ == '__main__':
    sys.exit(main())
