#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The half of scripts/demo that runs in the virtual machine.

    this machine (eth0) ------ veth ------ namespace "lan" (lan0)
    10.0.0.100                             10.0.0.1, 2001:db8::1   alpha
    2001:db8::100                          10.0.0.2, 2001:db8::2   beta
    pool: 10.0.64.0/24
          2001:db8::64:0/112

Opens sockets, asks each peer what address it sees, and looks what the device
has before, during and after. Ends with 0 only if every answer is the address
that the socket owns, and each address was there while its socket was, and only
then.
"""

import json
import socket
import subprocess
import sys
import textwrap
import threading
import time

HOSTS = {
    "alpha": ("10.0.0.1", "2001:db8::1"),
    "beta": ("10.0.0.2", "2001:db8::2"),
}
PORT = 7777
WIDTH = 92
PATIENCE = 30	# seconds; an emulated machine is slow

FAMILIES = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
TYPES = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}


# The servers, in the namespace: each tells who asks what address it sees.

def plain(address):
    return address[0].split("%")[0]


def serve_tcp_one(conn, peer):
    with conn:
        conn.sendall(plain(peer).encode() + b"\n")
        conn.recv(1)	# until the client has seen enough


def serve_tcp(sd):
    while True:
        threading.Thread(target=serve_tcp_one, args=sd.accept(), daemon=True).start()


def serve_udp(sd):
    while True:
        _, peer = sd.recvfrom(64)
        sd.sendto(plain(peer).encode() + b"\n", peer)


def serve():
    for addresses in HOSTS.values():
        for address, family in zip(addresses, FAMILIES.values()):
            for kind, loop in ((socket.SOCK_STREAM, serve_tcp), (socket.SOCK_DGRAM, serve_udp)):
                sd = socket.socket(family, kind)
                sd.bind((address, PORT))
                if kind == socket.SOCK_STREAM:
                    sd.listen(64)
                threading.Thread(target=loop, args=(sd,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()	# until the demo is over


# Telling

def say(text=""):
    print(text, flush=True)


def step(text):
    say()
    say("== " + text)


def shell(command, show=True):
    if show:
        say("   # " + command)
    return subprocess.run(command.split(), check=True, text=True, stdout=subprocess.PIPE).stdout


def device_addresses():
    """The addresses of eth0, as ip addr tells them."""
    found = json.loads(shell("ip -json addr show dev eth0", show=False))
    # the device's own link-local address comes when it likes
    return [a["local"] for a in found[0]["addr_info"] if a["scope"] != "link"]


def show_device():
    text = " ".join(shell("ip -brief addr show dev eth0").split())
    for line in textwrap.wrap(text, WIDTH - 5, subsequent_indent=" " * 12):
        say("     " + line)


# The work

def family_number(name):
    path = "/sys/module/inet_tuple/parameters/"
    with open(path + {"IPv4": "family_inet", "IPv6": "family_inet6"}[name], encoding="ascii") as f:
        return int(f.read())


def set_up():
    commands = """
        modprobe inet_tuple
        ip netns add lan
        ip link add eth0 type veth peer name lan0 netns lan
        ip addr add 10.0.0.100/16 dev eth0
        ip addr add 2001:db8::100/64 dev eth0 nodad
        ip link set eth0 up
        ip -n lan link set lan0 up
        ip -n lan addr add 10.0.0.1/16 dev lan0
        ip -n lan addr add 10.0.0.2/16 dev lan0
        ip -n lan addr add 2001:db8::1/64 dev lan0 nodad
        ip -n lan addr add 2001:db8::2/64 dev lan0 nodad
        tuplectl pool add demo dev eth0 prefix 10.0.64.0/24 prefix 2001:db8::64:0/112
    """
    for command in commands.strip().splitlines():
        shell(command.strip())


def start_servers():
    # pylint: disable-next=consider-using-with
    servers = subprocess.Popen(["ip", "netns", "exec", "lan", sys.executable, __file__, "serve"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if servers.stdout.readline() != "ready\n":
        sys.exit("the servers did not start")
    return servers


class Client:
    """One socket, and what is found out about it."""

    def __init__(self, kind, family, host, ordinary=False):
        self.kind, self.family, self.ordinary = kind, family, ordinary
        self.host = host
        self.peer = HOSTS[host][family == "IPv6"]
        self.saw = "nothing"
        domain = FAMILIES[family] if ordinary else family_number(family)
        sd = socket.socket(domain, TYPES[kind])
        # Python knows no addresses of the tuple families; asked anew, the
        # kernel says AF_INET or AF_INET6.
        self.sd = socket.socket(fileno=sd.detach())
        self.sd.settimeout(PATIENCE)
        self.owns = None if ordinary else self.sd.getsockname()[0]

    def ask(self):
        self.sd.connect((self.peer, PORT))
        if self.kind == "UDP":
            self.sd.send(b"?")
        self.saw = self.sd.recv(64).decode().strip()

    def close(self):
        if self.kind == "TCP":
            # The server closes first, so that TIME_WAIT is on its side. It
            # would keep the address for another minute on this one.
            self.sd.send(b".")
            while self.sd.recv(64):
                pass
        self.sd.close()

    def failures(self, before, during, after):
        if self.ordinary:
            return []
        found = []
        if self.saw != self.owns:
            found.append("the peer saw another address")
        if self.owns in before:
            found.append("the address was there before")
        if self.owns not in during:
            found.append("the address was not there during")
        if self.owns in after:
            found.append("the address is there still")
        return found


def open_clients():
    clients = []
    for family in FAMILIES:
        clients.append(Client("TCP", family, "alpha", ordinary=True))
    for family in FAMILIES:
        for kind in TYPES:
            for host in HOSTS:
                clients.append(Client(kind, family, host))
    for client in clients:
        try:
            client.ask()
        except OSError as err:
            client.saw = err.strerror or str(err)
        name = "ordinary" if client.ordinary else "owns " + client.owns
        say(f"   {client.kind} {client.family}, {name:20} -> {client.host:5} says: "
            f"you are {client.saw}")
    return clients


def close_clients(clients, before):
    for client in clients:
        try:
            client.close()
        except OSError as err:
            say(f"   closing {client.owns}: {err}")
    end = time.monotonic() + PATIENCE
    while set(after := device_addresses()) != set(before) and time.monotonic() < end:
        time.sleep(0.2)
    return after


COLUMNS = "{:9} {:17} {:19} {:17} {:6} {:6} {:5} {}"


def row(*cells):
    say(COLUMNS.format(*cells).rstrip())


def table(clients, before, during, after):
    say()
    say(" " * 65 + "- address in ip addr -")
    row("socket", "owns", "talks to", "its peer saw", "before", "during", "after", "")
    row("-" * 9, "-" * 17, "-" * 19, "-" * 17, "-" * 6, "-" * 6, "-" * 5, "--")
    for c in clients:
        where = ("yes" if c.owns in there else "no" for there in (before, during, after))
        if c.ordinary:
            where = ("", "", "")
        good = "" if c.ordinary else "NO" if c.failures(before, during, after) else "ok"
        row(f"{c.kind} {c.family}", c.owns or "(ordinary)", f"{c.host:5} {c.peer}", c.saw,
            *where, good)


def verdict(clients, before, during, after):
    tuples = [c for c in clients if not c.ordinary]
    bad = [(c, why) for c in tuples for why in c.failures(before, during, after)]
    for client, why in bad:
        say(f"WRONG: {client.kind} {client.family} {client.owns}: {why}")
    if len({c.owns for c in tuples}) != len(tuples):
        say("WRONG: two sockets own one address")
        bad.append(None)
    if bad:
        return 1
    say(f"{len(tuples)} sockets, {len(tuples)} addresses. Each peer saw the address that its socket "
        "owns; each")
    say("address was on eth0 while the socket was open, and only then.")
    return 0


def demo():
    say()
    say("A socket of AF_INET_TUPLE owns an IP address. Eight of them now get one each from a pool,")
    say("talk to two hosts, and give it back.")
    step("A network: this machine, and the hosts alpha and beta on its eth0. A pool of addresses.")
    set_up()
    servers = start_servers()
    before = device_addresses()
    step("Before: the host has its own addresses.")
    show_device()
    step("Two ordinary sockets, then eight of AF_INET_TUPLE and AF_INET6_TUPLE, ask who they are.")
    clients = open_clients()
    during = device_addresses()
    step("During: each of the eight has brought its own address.")
    show_device()
    step("After: the sockets are closed.")
    after = close_clients(clients, before)
    show_device()
    say("   # tuplectl pool show demo")
    say("     " + shell("tuplectl pool show demo", show=False).splitlines()[0])
    say("     (quarantined: an address rests a minute before another socket gets it)")
    servers.terminate()
    table(clients, before, during, after)
    say()
    return verdict(clients, before, during, after)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        sys.exit(demo())
