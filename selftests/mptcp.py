#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What an MPTCP socket sleeps on is there as long as the socket.

Before Linux 6.4 the first subflow is made with the socket and points to the
struct socket that it was made for, which is not the one that the program has.
Were that one freed, accept() would sleep on memory of the next socket; and who
waits for space in the send queue is to be woken all the same.
"""

import socket
import struct
import subprocess
import sys
import threading
import time

AF_INET_TUPLE = 18
IPPROTO_MPTCP = 262
ROUNDS = 5
SIZE = 8 << 20      # more than fits into the queues of both


def mptcp():
    s = socket.socket(AF_INET_TUPLE, socket.SOCK_STREAM, IPPROTO_MPTCP)
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP,
                         fileno=s.detach())


def one():
    """accept() and recv() in a thread, while many other sockets come."""
    server, got, said = mptcp(), [], []

    def serve():
        s = server.accept()[0]
        got.append(s)
        time.sleep(0.2)     # the queues fill
        said.append(len(s.recv(SIZE, socket.MSG_WAITALL)))
    server.bind(('0.0.0.0', 0))
    server.listen()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    time.sleep(0.5)     # asleep, and what is freed by RCU is free
    others = [socket.socket() for _ in range(500)]
    client = mptcp()
    client.settimeout(20)
    client.connect(server.getsockname())
    client.setblocking(True)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', 20, 0))
    try:
        client.sendall(bytes(SIZE))
    except OSError as e:
        print(f'# send: {e}')
    thread.join(25)
    for s in [server, client, *got, *others]:
        s.close()
    return said == [SIZE]


def main():
    print('TAP version 13')
    if subprocess.run(['sysctl', '-qw', 'net.mptcp.enabled=1']).returncode:
        print('1..0 # SKIP no MPTCP here')
        return 0
    subprocess.run(['tuplectl', 'pool', 'add', 'p', 'dev', 'lo', 'prefix', '10.3.0.0/24',
                    'quarantine', '0'], check=True)
    good = all(one() for _ in range(ROUNDS))
    print(f'{"ok" if good else "not ok"} 1 accept() and send() of MPTCP sleep where they are woken')
    print('1..1')
    subprocess.run(['tuplectl', 'pool', 'del', 'p', 'force'])
    return not good


if __name__ == '__main__':
    sys.exit(main())
