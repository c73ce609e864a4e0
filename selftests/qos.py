# SPDX-License-Identifier: GPL-2.0-only
"""Traffic for qos.sh: calls, and what is in their way.

	server			answers port 7000, swallows port 7001
	bulk SERVER		more than the link carries, until killed
	voice SERVER N		a call of N packets, one each 20 ms, after a line of stdin

A socket takes its address from the pool of its name. As telephones do, and as
whoever wants to be served like one may, it asks for expedited forwarding itself,
and so has no priority of its pool's any more. (A pool may have asked for the same;
what the kernel is asked for again changes nothing.) A call has its address before it
reads that line, and begins when a first packet has come back: by then the address has
been asked for by ARP. It prints the milliseconds that each packet took to the server
and back, - for one that was lost.
"""

import select
import socket
import struct
import sys
import time

AF_INET_TUPLE, SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE = 18, 7018, 4
EXPEDITED = 46 << 2
ECHO, SINK = 7000, 7001
SIZE, PER_SECOND = 1200, 320	# with headers 3.1 Mbit/s
CALL, EACH = 160, 0.02


def open_from(pool):
    s = socket.socket(AF_INET_TUPLE, socket.SOCK_DGRAM)
    s.setsockopt(SOL_INET_TUPLE, INET_TUPLE_POOL_MOVE, pool.encode())
    for tos in (0, EXPEDITED):
        s.setsockopt(socket.SOL_IP, socket.IP_TOS, tos)
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, fileno=s.detach())


def server():
    echo, sink = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in '12')
    echo.bind(('', ECHO))
    sink.bind(('', SINK))
    while True:
        for s in select.select([echo, sink], [], [])[0]:
            data, peer = s.recvfrom(2048)
            if s is echo:
                s.sendto(data, peer)


def bulk(to):
    s = open_from('bulk')
    begin, sent = time.monotonic(), 0
    while True:
        while sent < (time.monotonic() - begin) * PER_SECOND:
            s.sendto(bytes(SIZE), (to, SINK))
            sent += 1
        time.sleep(0.005)


def voice(to, n):
    s = open_from('voice')
    sys.stdin.readline()
    while not select.select([s], [], [], 1)[0]:
        s.sendto(b'', (to, ECHO))
    time.sleep(1)
    while select.select([s], [], [], 0)[0]:
        s.recv(2048)
    begin, sent = time.monotonic(), 0
    took = ['-'] * int(n)
    while True:
        now = time.monotonic() - begin
        if sent < len(took) and now >= sent * EACH:
            s.sendto(struct.pack('=Id', sent, now).ljust(CALL), (to, ECHO))
            sent += 1
        elif now > len(took) * EACH + 3:
            break
        if select.select([s], [], [], 0.002)[0]:
            i, then = struct.unpack_from('=Id', s.recv(2048))
            took[i] = f'{(time.monotonic() - begin - then) * 1000:.1f}'
    print(*took)


if __name__ == '__main__':
    {'server': server, 'bulk': bulk, 'voice': voice}[sys.argv[1]](*sys.argv[2:])
