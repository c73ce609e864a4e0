#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Neighbour solicitations for leases of a pool with prefix plumbing, which the
module answers: those that a host sends, and those that nobody should.

	host eth0 fd64::1/64, pool fd65::/64 ----- eth0 peer fd64::2/64
"""

import ctypes
import os
import select
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
AF_INET6_TUPLE = 22
SOURCE_LL, NONCE = 1, 14
libc = ctypes.CDLL(None, use_errno=True)
count = failed = 0


def check(name, good, *why):
    global count, failed
    count += 1
    failed += not good
    print('ok' if good else 'not ok', count, name)
    for w in why if not good else []:
        print('#', w)
    sys.stdout.flush()


def run(*words):
    subprocess.run(words, check=True)


def ns(name):
    fd = os.open(f'/run/netns/{name}', os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns')
    os.close(fd)


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def checksum(data):
    data += b'\0' * (len(data) % 2)
    s = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def option(type_, data):
    return struct.pack('BB', type_, (len(data) + 9) // 8) + data


def solicited_node(addr):
    return ip6('ff02::1:ff00:0')[:13] + addr[13:]


class Peer:
    """The other end of the cable, frame by frame."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                  socket.htons(0x86dd))
        self.sock.bind(('eth0', 0))
        self.mac = self.sock.getsockname()[4]

    def solicit(self, target, src='fd64::2', dst=None, options=None, hops=255,
                code=0, spoil=0, cut=0):
        target, src = ip6(target), ip6(src)
        dst = ip6(dst) if dst else solicited_node(target)
        if options is None:
            options = option(SOURCE_LL, self.mac)
        body = struct.pack('!BBHL', 135, code, 0, 0) + target + options
        body = body[:len(body) - cut]
        pseudo = src + dst + struct.pack('!LL', len(body), 58)
        body = body[:2] + struct.pack('!H', checksum(pseudo + body) ^ spoil) + body[4:]
        multicast = dst[0] == 0xff
        ether = b'\x33\x33' + dst[12:] if multicast else host_mac
        self.sock.send(ether + self.mac + b'\x86\xdd' +
                       struct.pack('!LHBB', 6 << 28, len(body), 58, hops) +
                       src + dst + body)

    def advert(self, target, seconds):
        """What is advertised for a target: (destination, flags, whether with
        the link-layer address), or None
        """
        end = time.monotonic() + seconds
        while select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
            frame = self.sock.recv(2048)
            if len(frame) >= 78 and frame[20] == 58 and frame[54] == 136 and \
               frame[62:78] == ip6(target):
                return (socket.inet_ntop(socket.AF_INET6, frame[38:54]),
                        frame[58] >> 5, len(frame) > 78)
        return None

    def flush(self):
        while select.select([self.sock], [], [], 0)[0]:
            self.sock.recv(2048)


def answered(name, expected, **how):
    peer.flush()
    peer.solicit(lease, **how)
    got = peer.advert(lease, 10)
    check(name, got == expected, f'{got}, expected {expected}')


def silent(name, target=None, **how):
    """Told from one that is slow: what is asked behind it is answered first."""
    peer.flush()
    peer.solicit(target or lease, **how)
    peer.solicit(lease, src='fd64::3', options=b'')
    got = peer.advert(lease, 10)
    check(name, got == ('fd64::3', OURS, True), got)


OVERRIDE = 1
OURS = 2 | OVERRIDE     # solicited
host, remote = f'host-{os.getpid()}', f'peer-{os.getpid()}'
print('TAP version 13')
try:
    for name in host, remote:
        run('ip', 'netns', 'add', name)
    run('ip', 'link', 'add', 'eth0', 'netns', host, 'type', 'veth', 'peer', 'name',
        'eth0', 'netns', remote)
    for name, addr in (host, 'fd64::1/64'), (remote, 'fd64::2/64'):
        run('ip', '-n', name, 'link', 'set', 'eth0', 'up')
        run('ip', '-n', name, 'addr', 'add', addr, 'dev', 'eth0', 'nodad')
    # who asks in another's name is to be answered there
    run('ip', '-n', remote, 'addr', 'add', 'fd64::3/64', 'dev', 'eth0', 'nodad')
    run('tuplectl', '-N', host, 'pool', 'add', 'p', 'dev', 'eth0', 'prefix',
        'fd65::/64', 'plumb', 'prefix')
    ns(remote)
    peer = Peer()
    ns(host)
    held = socket.socket(AF_INET6_TUPLE, socket.SOCK_DGRAM)
    held = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, fileno=held.detach())
    lease = held.getsockname()[0]
    probe = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    probe.bind(('eth0', 0))
    host_mac = probe.getsockname()[4]
    probe.close()

    answered('a host asks', ('fd64::2', OURS, True))
    answered('it asks the one that it knows', ('fd64::2', OURS, False), dst=lease)
    answered('and says nothing of itself', ('fd64::2', OURS, True), options=b'')
    answered('options that are of no interest are passed over',
             ('fd64::2', OURS, True), options=option(NONCE, b'\1' * 6) +
             option(SOURCE_LL, peer.mac))
    answered('a host wants the address for itself', ('ff02::1', OVERRIDE, True),
             src='::', options=b'')
    silent('it does, and has one', src='::')
    silent('it does, and asks one alone', src='::', dst=lease, options=b'')
    silent('an option of no length', options=bytes(8))
    silent('an option that ends behind the packet', options=bytes([SOURCE_LL, 2]) + bytes(6))
    silent('an address that is not leased', target='fd65::dead:beef')
    silent('a multicast address', target='ff02::1', dst='ff02::1')
    silent('one from behind a router', hops=254)
    silent('a wrong checksum', spoil=1)
    silent('another code', code=1)
    silent('a target that is cut short', options=b'', cut=8)
    held.close()
    peer.flush()
    peer.solicit(lease)
    check('no answer once the lease is over', peer.advert(lease, 1) is None)
finally:
    for name in host, remote:
        subprocess.run(['ip', 'netns', 'delete', name], check=False)
print(f'1..{count}')
sys.exit(failed > 0)
