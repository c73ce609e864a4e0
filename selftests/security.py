#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What Documentation/security.rst says of sandboxes, users and memory.

Each check is a child of its own, since there is no way out of a sandbox.
"""

import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import traceback

AF_INET_TUPLE = 18
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF, SYS_SOCKET = 444, 446, 41
LANDLOCK_NET = 3                # bind and connect of TCP
RET_ALLOW, RET_ERRNO = 0x7fff0000, 0x00050000
GROUP = '/sys/fs/cgroup/selftest/security'
RULES = 2000
RULE_BYTES = 64                 # at least, in memory
libc = ctypes.CDLL(None, use_errno=True)


class Tap:
    def __init__(self):
        self.n = self.failed = 0
        print('TAP version 13')

    def say(self, good, name, why=''):
        self.n += 1
        self.failed += not good
        print(f'{"ok" if good else "not ok"} {self.n} {name}')
        if not good and why:
            print(f'# {why}')
        sys.stdout.flush()

    def skip(self, name, why):
        self.n += 1
        print(f'ok {self.n} {name} # SKIP {why}', flush=True)


tap = Tap()


def error(result):
    return errno.errorcode[ctypes.get_errno()] if result < 0 else 'ok'


def call(function, family, carried, port=8080, addr='0.0.0.0'):
    """What function() of a new TCP socket says to an address of a family."""
    fd = libc.socket(family, socket.SOCK_STREAM, 0)
    if fd < 0:
        return 'socket: ' + error(fd)
    name = struct.pack('=H', carried) + struct.pack('!H', port) + \
        socket.inet_aton(addr) + bytes(8)
    result = error(getattr(libc, function)(fd, name, len(name)))
    os.close(fd)
    return result


def new_socket(family):
    fd = libc.socket(family, socket.SOCK_STREAM, 0)
    result = error(fd)
    if fd >= 0:
        os.close(fd)
    return result


def no_new_privs():
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), 'no_new_privs')


def landlock_abi():
    return libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)


def landlock():
    """Neither bind nor connect by TCP."""
    attr = struct.pack('=QQ', 0, LANDLOCK_NET)
    fd = libc.syscall(LANDLOCK_CREATE_RULESET, attr, ctypes.c_size_t(len(attr)), 0)
    no_new_privs()
    if fd < 0 or libc.syscall(LANDLOCK_RESTRICT_SELF, fd, 0):
        raise OSError(ctypes.get_errno(), 'landlock')


def restrict_families(allowed, families):
    """What systemd makes of RestrictAddressFamilies=, or of the same with ~."""
    yes, no = (RET_ALLOW, RET_ERRNO | errno.EAFNOSUPPORT)
    if not allowed:
        yes, no = no, yes
    code = [(0x20, 0, 0, 0), (0x15, 1, 0, SYS_SOCKET), (0x06, 0, 0, RET_ALLOW),
            (0x20, 0, 0, 16)]
    for i, family in enumerate(families):
        code.append((0x15, len(families) - i, 0, family))
    code += [(0x06, 0, 0, no), (0x06, 0, 0, yes)]
    program = b''.join(struct.pack('=HBBI', *c) for c in code)
    buf = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack('HxxxxxxP', len(code), ctypes.addressof(buf))
    no_new_privs()
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0):
        raise OSError(ctypes.get_errno(), 'seccomp')


def in_child(enter, *checks):
    """Each check is (name, expected, function, argument...), after enter()."""
    sys.stdout.flush()
    r, w = os.pipe()
    if not os.fork():
        try:
            enter()
            for _, _, function, *arguments in checks:
                os.write(w, f'{function(*arguments)}\n'.encode())
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        said = f.read().splitlines()
    os.wait()
    for i, (name, expected, *_) in enumerate(checks):
        got = said[i] if i < len(said) else 'nothing'
        tap.say(got in expected.split('|'), name, f'expected {expected}, got {got}')


def tuplectl(*arguments, **how):
    r = subprocess.run(['tuplectl', *arguments], text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, **how)
    return 'ok' if r.returncode == 0 else r.stdout.strip()


def sandboxes():
    for name, function, addr, good in (('bind', 'bind', '0.0.0.0', 'ok'),
                                       ('connect', 'connect', '10.1.0.200', 'ECONNREFUSED')):
        in_child(lambda: None,
                 (f'{name}() takes the tuple family', good, call, function,
                  AF_INET_TUPLE, AF_INET_TUPLE, 8080, addr))
        in_child(no_new_privs,
                 (f'{name}() with no_new_privs: the inet family', good, call, function,
                  AF_INET_TUPLE, socket.AF_INET, 8080, addr),
                 (f'{name}() with no_new_privs: not the tuple family', 'EAFNOSUPPORT',
                  call, function, AF_INET_TUPLE, AF_INET_TUPLE, 8080, addr))
        if landlock_abi() < 4:
            tap.skip(f'{name}() in Landlock', 'Landlock knows no network here')
            continue
        in_child(landlock,
                 (f'{name}() in Landlock: of an inet socket', 'EACCES', call, function,
                  socket.AF_INET, socket.AF_INET, 8080, addr),
                 (f'{name}() in Landlock: of a tuple socket', 'EACCES', call, function,
                  AF_INET_TUPLE, socket.AF_INET, 8080, addr),
                 (f'{name}() in Landlock: the tuple family is no way out',
                  'EACCES|EAFNOSUPPORT', call, function, AF_INET_TUPLE, AF_INET_TUPLE,
                  8080, addr))
    inet = (socket.AF_INET, socket.AF_INET6)
    in_child(lambda: restrict_families(True, inet),
             ('a list of families allowed: inet', 'ok', new_socket, socket.AF_INET),
             ('a list of families allowed: not 18', 'EAFNOSUPPORT', new_socket,
              AF_INET_TUPLE))
    in_child(lambda: restrict_families(True, (*inet, 18, 22)),
             ('a list of families allowed that has 18', 'ok', new_socket, AF_INET_TUPLE))
    in_child(lambda: restrict_families(False, inet),
             ('a list of families forbidden: inet', 'EAFNOSUPPORT', new_socket,
              socket.AF_INET),
             ('a list of families forbidden has to have 18', 'ok', new_socket,
              AF_INET_TUPLE))


def become_nobody():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)


def own_namespaces():
    become_nobody()
    # after a change of ids /proc/self is root's
    libc.prctl(4, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'unshare')
    for name, text in (('setgroups', 'deny'), ('uid_map', '0 65534 1'),
                       ('gid_map', '0 65534 1')):
        with open(f'/proc/self/{name}', 'w') as f:
            f.write(text)
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)


def add_pool():
    return tuplectl('pool', 'add', 'q', 'dev', 'lo', 'prefix', '10.2.0.0/24',
                    'plumb', 'prefix')


def refused(result):
    return 'ok' if result == 'ok' else 'refused'


def users():
    in_child(become_nobody,
             ('a user may have a tuple socket', 'ok', new_socket, AF_INET_TUPLE),
             ('a user may read pools', 'ok', tuplectl, 'pool', 'show'),
             ('a user may read leases', 'ok', tuplectl, 'lease', 'show'),
             ('a user may not add a pool', 'refused', lambda: refused(add_pool())),
             ('a user may not change a pool', 'refused', lambda: refused(
                 tuplectl('pool', 'set', 'p', 'quota', '1'))),
             ('a user may not delete a pool', 'refused', lambda: refused(
                 tuplectl('pool', 'del', 'p', 'force'))),
             ('a user may not add a rule', 'refused', lambda: refused(
                 tuplectl('rule', 'add', 'uid', '1', 'pool', 'p'))),
             ('a user may not kill a lease', 'refused', lambda: refused(
                 tuplectl('lease', 'kill', '10.1.0.1'))))
    in_child(own_namespaces,
             ('namespaces of their own have no pool', 'EADDRNOTAVAIL', new_socket,
              AF_INET_TUPLE),
             ('they may add one there', 'ok', add_pool),
             ('and lease from it', 'ok', new_socket, AF_INET_TUPLE))


def slab():
    with open(f'{GROUP}/memory.stat') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('slab '))


def enter_group():
    with open(f'{GROUP}/cgroup.procs', 'w') as f:
        f.write('0')


def charged():
    """Bytes that the group is charged for rules, with tuplectl gone."""
    before = slab()
    r = tuplectl('-b', '-', input=''.join(
        f'rule add uid {uid} pool p\n' for uid in range(10000, 10000 + RULES)))
    return 'ok' if r == 'ok' and slab() - before >= RULES * RULE_BYTES else \
        f'{r}, {slab() - before} bytes'


def memory():
    # no group may have both processes and children with controllers
    root = os.path.dirname(GROUP)
    try:
        os.makedirs(f'{root}/rest', exist_ok=True)
        os.makedirs(GROUP, exist_ok=True)
        with open(f'{root}/cgroup.procs') as f:
            for pid in f.read().split():
                with open(f'{root}/rest/cgroup.procs', 'w') as g:
                    g.write(pid)
        for path in (os.path.dirname(root), root):
            with open(f'{path}/cgroup.subtree_control', 'w') as f:
                f.write('+memory')
    except OSError as e:
        tap.skip('rules are charged to who makes them', str(e))
        return
    in_child(enter_group, ('rules are charged to who makes them', 'ok', charged))


def main():
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'unshare')
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['tuplectl', 'pool', 'add', 'p', 'dev', 'lo', 'prefix', '10.1.0.0/24',
                    'plumb', 'prefix', 'quarantine', '0'], check=True)
    sandboxes()
    users()
    memory()
    print(f'1..{tap.n}')
    return 1 if tap.failed else 0


if __name__ == '__main__':
    sys.exit(main())
