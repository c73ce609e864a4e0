# SPDX-License-Identifier: GPL-2.0-only
"""A host that answers DHCP clients before their server can, and never as it should.

	hostile.py DEVICE PREFIX COUNT

Each question gets every answer that a client must not believe; PREFIX, such as
10.1, is that of the addresses in them. The file COUNT says how many were sent, and
is there once it listens.
"""

import os
import random
import socket
import struct
import sys

DEVICE, PREFIX, COUNT = sys.argv[1:]
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
COOKIE = b'\x63\x82\x53\x63'
ADDR = socket.inet_aton(f'{PREFIX}.200.200')
SELF = socket.inet_aton(f'{PREFIX}.0.66')


def checksum(data):
    data += b'\0' * (len(data) & 1)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(payload, length=None, udp_sum=0, frag=0, ihl=5):
    """To everybody; what is not as it should be is given."""
    udp = struct.pack('!4H', 67, 68, 8 + len(payload) if length is None else length,
                      udp_sum) + payload
    head = struct.pack('!BBHHHBBH', 0x40 + ihl, 0, 20 + len(udp), 0, frag, 64, 17, 0)
    head += SELF + b'\xff' * 4
    head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
    return b'\xff' * 6 + MAC + b'\x08\x00' + head + udp


def option(code, value):
    return bytes([code, len(value)]) + value


def options(kind, server=SELF, lease=3600, more=b''):
    o = option(53, bytes([kind])) + option(51, struct.pack('!I', lease)) + more
    return o + (option(54, server) if server else b'') + b'\xff'


def reply(ask, opts, op=2, xid=None, addr=ADDR, mac=None, hlen=6, cookie=COOKIE):
    return (bytes([op, 1, hlen, 0]) + (ask[4:8] if xid is None else xid) + b'\0' * 8 +
            addr + b'\0' * 8 + (ask[28:44] if mac is None else mac) + b'\0' * 192 +
            cookie + opts)


def answers(ask, kind):
    """To one who has sent DISCOVER or REQUEST, whose kind of answer is told."""
    good = options(kind)
    yield packet(reply(ask, good, xid=os.urandom(4)))
    yield packet(reply(ask, good, mac=os.urandom(6) + b'\0' * 10))
    yield packet(reply(ask, good, op=1))
    yield packet(reply(ask, good, hlen=255))
    yield packet(reply(ask, good, hlen=0))
    yield packet(reply(ask, good, cookie=b'\0\0\0\0'))
    yield packet(reply(ask, options(kind, more=option(61, os.urandom(18)))))
    yield packet(reply(ask, options(kind, more=option(61, os.urandom(255)))))
    yield packet(reply(ask, options(kind, more=option(61, b''))))
    for server in (None, '0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255'):
        server = server and socket.inet_aton(server)
        yield packet(reply(ask, options(kind, server)))
    for addr in ('0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255'):
        yield packet(reply(ask, good, addr=socket.inet_aton(addr)))
    yield packet(reply(ask, b''))
    yield packet(reply(ask, b'\xff'))
    yield packet(reply(ask, b'\x35'))
    yield packet(reply(ask, good[:-1] + b'\x0c\xff'))
    yield packet(reply(ask, option(53, b'') + good))
    yield packet(reply(ask, option(53, bytes([kind] * 2)) + good))
    yield packet(reply(ask, option(52, b'\x03') + good).replace(b'\0' * 192, b'\x36' * 192))
    yield packet(reply(ask, good)[:random.randrange(240)])
    yield packet(reply(ask, good), length=7)
    yield packet(reply(ask, good), length=65535)
    yield packet(reply(ask, good), udp_sum=1)
    yield packet(reply(ask, good), frag=0x2000)
    yield packet(reply(ask, good), ihl=4)
    yield packet(reply(ask, good), ihl=15)[:-200]
    yield packet(os.urandom(random.randrange(600)))
    yield packet(reply(ask, os.urandom(random.randrange(300)), xid=os.urandom(4)))
    for other in (0, 1, 4, 7, 8, 99, 255, ACK if kind == OFFER else OFFER):
        yield packet(reply(ask, options(other)))
    if kind == ACK:
        yield packet(reply(ask, good))      # from one who was not asked
        yield packet(reply(ask, options(NAK)))
        server = ask[ask.index(b'\x36\x04') + 2:][:4] if b'\x36\x04' in ask else SELF
        wanted = ask[ask.index(b'\x32\x04') + 2:][:4] if b'\x32\x04' in ask else ADDR
        yield packet(reply(ask, options(ACK, server)))      # of another address
        for lease in range(4):
            yield packet(reply(ask, options(ACK, server, lease), addr=wanted))


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind((DEVICE, 0x0800))
MAC = wire.getsockname()[4]
sent = 0


def tell():
    with open(f'{COUNT}.new', 'w') as f:
        f.write(f'{sent}\n')
    os.rename(f'{COUNT}.new', COUNT)


tell()
while True:
    data, where = wire.recvfrom(2048)
    if where[2] == socket.PACKET_OUTGOING or data[23] != 17 or data[36:38] != b'\0\x43':
        continue
    question = data[42:]
    kind = question[question.index(COOKIE) + 6]
    if kind in (DISCOVER, REQUEST):
        for answer in answers(question, OFFER if kind == DISCOVER else ACK):
            try:
                wire.send(answer)
                sent += 1
            except OSError:     # too short to be sent at all
                pass
        tell()
