# SPDX-License-Identifier: GPL-2.0-only
"""Holds sockets for the scripts: one command a line, one answer a line.

Answers are "ok [VALUE]..." or the name of an errno. Started by agent_start of
agent.sh, as one process for a whole test: starting python is what costs.

	ns NAME|-			namespace of the sockets opened from now on
	open ID KIND PROTO		KIND: 4, 6 (tuple sockets), inet4, inet6
	many ID N KIND PROTO		ID0 to ID(N-1)
	like_ours DEV ADDRESS		on the device, marked as the module marks its own
	churn SECONDS SEED KIND...	open, use and close as quickly as possible
	pool|move|bind|connect|listen|accept|send|sendto|recv|name|error|close
"""

import ctypes
import errno
import os
import random
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
SOL_INET_TUPLE = 7018
INET_TUPLE_POOL = 1
INET_TUPLE_POOL_MOVE = 4
KINDS = {'4': (18, socket.AF_INET), '6': (22, socket.AF_INET6),
         'inet4': (socket.AF_INET, socket.AF_INET),
         'inet6': (socket.AF_INET6, socket.AF_INET6)}
PROTOS = {'tcp': (socket.SOCK_STREAM, 0), 'udp': (socket.SOCK_DGRAM, 0),
          'raw': (socket.SOCK_RAW, socket.IPPROTO_UDP),
          'udpnb': (socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0),
          'ping': (socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
          'ping6': (socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6)}
libc = ctypes.CDLL(None, use_errno=True)
home = os.open('/proc/self/ns/net', os.O_RDONLY)
socks = {}


def ns(name):
    fd = home if name == '-' else os.open(f'/run/netns/{name}', os.O_RDONLY)
    r = libc.setns(fd, CLONE_NEWNET)
    if fd != home:
        os.close(fd)
    if r:
        raise OSError(ctypes.get_errno(), 'setns')


def make(kind, proto):
    family, inet = KINDS[kind]
    type_, number = PROTOS[proto]
    s = socket.socket(family, type_, number)
    if family != inet:
        # python knows how to read and write the addresses of inet only
        s = socket.socket(inet, type_, number, fileno=s.detach())
    s.settimeout(10)
    return s


def name_of(s):
    return '{} {}'.format(*s.getsockname()[:2])


def open_(key, kind, proto):
    socks[key] = make(kind, proto)
    return name_of(socks[key])


def many(key, n, kind, proto):
    for i in range(int(n)):
        socks[f'{key}{i}'] = make(kind, proto)


def connect(key, addr, port, timeout='10'):
    socks[key].settimeout(float(timeout))
    start = time.monotonic()
    socks[key].connect((addr, int(port)))
    return f'{time.monotonic() - start:.3f}'


def accept(key, new):
    socks[new], peer = socks[key].accept()
    socks[new].settimeout(10)
    return peer[0]


def recv(key):
    data, peer = socks[key].recvfrom(4096)
    return data.decode() + (' ' + peer[0] if peer else '')


def close(*keys):
    for key in keys or list(socks):
        socks.pop(key).close()


def close_many(key, n):
    for i in range(int(n)):
        socks.pop(f'{key}{i}').close()


def ifaproto(addr):
    """IFA_PROTO of an address here: not every ip command tells it."""
    family = socket.AF_INET6 if ':' in addr else socket.AF_INET
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.send(struct.pack('=LHHLLBBBBL', 24, 22, 0x301, 1, 0, family, 0, 0, 0, 0))
    while True:
        data = s.recv(1 << 16)
        while data:
            size, type_ = struct.unpack_from('=LH', data)
            if type_ != 20:
                return None
            msg, data = data[24:size], data[(size + 3) & ~3:]
            attrs = {}
            while msg:
                n, a = struct.unpack_from('=HH', msg)
                attrs[a], msg = msg[4:n], msg[(n + 3) & ~3:]
            if attrs[1] == socket.inet_pton(family, addr):
                return attrs[11][0] if 11 in attrs else 0


def like_ours(dev, addr):
    """Put an address on a device with the protocol of ours, as only some ip can."""
    family = socket.AF_INET6 if ':' in addr else socket.AF_INET
    packed = socket.inet_pton(family, addr)
    msg = struct.pack('=BBBBi', family, len(packed) * 8, 0, 0, socket.if_nametoindex(dev))
    for type_, value in ((1, packed), (2, packed), (8, struct.pack('=L', 2)), (11, b'\x54')):
        msg += struct.pack('=HH', 4 + len(value), type_) + value + b'\0' * (-len(value) % 4)
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    s.send(struct.pack('=LHHLL', 16 + len(msg), 20, 0x605, 1, 0) + msg)
    err = -struct.unpack_from('=i', s.recv(4096), 16)[0]
    if err:
        raise OSError(err, os.strerror(err))


def error(key):
    err = socks[key].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno.errorcode.get(err, str(err))


def churn_one(kind, proto, addr):
    s = make(kind, proto)
    s.settimeout(0.05)
    if random.random() < 0.3:
        s.bind((('0.0.0.0' if kind == '4' else '::'), 0))
    if proto == 'tcp' and random.random() < 0.3:
        s.listen()
    elif random.random() < 0.7:
        s.connect((addr, 9))
        s.send(b'x')
    return s


def churn(seconds, seed, addr4, addr6):
    random.seed(int(seed))
    end = time.monotonic() + float(seconds)
    held, done, refused = [], 0, {}
    while time.monotonic() < end:
        try:
            kind = random.choice('46')
            proto = random.choice(['tcp', 'udp', 'raw'])
            held.append(churn_one(kind, proto, addr4 if kind == '4' else addr6))
            done += 1
        except OSError as e:
            code = errno.errorcode.get(e.errno, 'timeout')
            refused[code] = refused.get(code, 0) + 1
            # nothing to have at the moment: leave the processor to who changes it
            time.sleep(0.003)
        while held and (len(held) > 20 or random.random() < 0.5):
            held.pop(random.randrange(len(held))).close()
    return f'{done} {refused}'


COMMANDS = {
    'ns': ns, 'open': open_, 'many': many, 'connect': connect,
    'accept': accept, 'recv': recv, 'close': close, 'error': error,
    'close_many': close_many, 'ifaproto': ifaproto, 'like_ours': like_ours, 'churn': churn,
    'bind': lambda k, a, p: socks[k].bind((a, int(p))),
    'listen': lambda k: socks[k].listen(64),
    'send': lambda k, t: socks[k].send(t.encode()),
    'sendto': lambda k, t, a, p: socks[k].sendto(t.encode(), (a, int(p))),
    'name': lambda k: name_of(socks[k]),
    'pool': lambda k, n: socks[k].setsockopt(SOL_INET_TUPLE, INET_TUPLE_POOL,
                                             n.encode()),
    'move': lambda k, n: socks[k].setsockopt(SOL_INET_TUPLE,
                                             INET_TUPLE_POOL_MOVE, n.encode()),
    'mark': lambda k: socks[k].getsockopt(socket.SOL_SOCKET, 36),
    'reset': lambda k: socks[k].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           b'\1\0\0\0\0\0\0\0'),
}


def answer(words):
    try:
        value = COMMANDS[words[0]](*words[1:])
    except TimeoutError:
        return 'ETIMEDOUT'
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    except Exception as e:      # the script has it wrong: say so, and go on
        return f'agent: {e!r}'
    return 'ok' if value is None else f'ok {value}'


if __name__ == '__main__':
    if sys.argv[1:]:
        print(answer(sys.argv[1:]))
        sys.exit()
    for line in sys.stdin:
        print(answer(line.split()), flush=True)
