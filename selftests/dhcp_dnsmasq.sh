#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Pools of source dhcp whose server is dnsmasq, which offers one address to all
# who ask at a time; first on the same network, then behind a relay.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl inet-tupled dnsmasq python3 ping
. "$(dirname "$0")/dhcp.sh"

leases=$work/leases
dnsmasq=

# dnsmasq_in NAMESPACE LOG OPTION...
dnsmasq_in() {
	ip netns exec "$1" dnsmasq --no-daemon --conf-file=/dev/null --user=root --port=0 \
		"${@:3}" </dev/null 2>"$work/$2" &
	dnsmasq=$!
	defer kill $!
}
serve() {
	dnsmasq_in "$1" dnsmasq --dhcp-authoritative --dhcp-leasefile="$leases" --no-ping \
		--log-dhcp --dhcp-range="$2" "${@:3}"
	within 30 grep -q "IP range" "$work/dnsmasq"
}
dnsmasq_stop() {
	kill "$dnsmasq"
	wait "$dnsmasq"
}
leased_are() { [ "$(grep -c . "$leases")" = "$1" ]; }
leased() { grep -qF " $1 " "$leases"; }
not_leased() { ! leased "$1"; }

serve "$server" 10.64.1.1,10.64.1.200,255.255.0.0,300
tupled_start
check "a pool of source dhcp" ctl pool add phones dev eth0 source dhcp low 4 high 16
check "its stock is filled" within 60 total_is phones 16
check "dnsmasq knows of all" within 5 leased_are 16
check_output "by 16 client identifiers" 16 eval \
	"cut -d' ' -f5 $leases | grep '^ff:' | sort -u | wc -l"
check_output "on one hardware address" 1 eval "cut -d' ' -f2 $leases | sort -u | wc -l"
check "six sockets" told many x 6 4 udp
x=$(told_first name x0)
check "of which one has an address that is leased ($x)" leased "$x"
check "and the world reaches it" in_ns "$server" ping -c 1 -W 5 -q "$x"
check "all sockets are closed" told close_many x 6
ctl pool set phones low 2 high 2
check "what is idle above the high mark is released" within 30 total_is phones 2
check "dnsmasq knows of that, too" within 5 leased_are 2
check "a pool is deleted" ctl pool del phones
check "all of its addresses are released" within 30 leased_are 0
tupled_stop TERM
dnsmasq_stop
rm -rf "$leases" "$work/state"

# A server that answers by broadcast only

serve "$server" 10.64.2.1,10.64.2.5,255.255.0.0,300
tupled_start --broadcast
ctl pool add phones dev eth0 source dhcp low 4 high 16
check "a server with five addresses, which broadcasts" within 60 total_is phones 5
check "which is asked to" grep -q "broadcast response" "$work/dnsmasq"
check "five sockets" told many x 5 4 udp
check "for whom all are" asks EAGAIN open y 4 udpnb
told close_many x 5 >/dev/null
ctl pool del phones
within 30 leased_are 0
tupled_stop TERM
dnsmasq_stop
rm -rf "$leases" "$work/state"

# Behind a relay, which is a router for all that is not broadcast
#
#	host 10.64.0.2 ---- bridge ---- 10.64.0.3 relay 10.70.0.2 ---- 10.70.0.1 far

setup_ns relay far
# shellcheck disable=SC2154	# by setup_ns
link_ns "$relay" eth0 "$bridge" r0
# shellcheck disable=SC2154
link_ns "$relay" eth1 "$far" eth0
ip -n "$bridge" link set r0 master br0
ip -n "$relay" addr add 10.64.0.3/16 dev eth0
ip -n "$relay" addr add 10.70.0.2/24 dev eth1
ip -n "$far" addr add 10.70.0.1/24 dev eth0
ip -n "$far" route add 10.64.0.0/16 via 10.70.0.2
ip -n "$host" route add 10.70.0.0/24 via 10.64.0.3
in_ns "$relay" sysctl -qw net.ipv4.ip_forward=1
dnsmasq_in "$relay" relay --dhcp-relay=10.64.0.3,10.70.0.1
# two minutes are the least that it gives
serve "$far" 10.64.5.1,10.64.5.100,255.255.0.0,120 --dhcp-option=option:T1,10
tupled_start
ctl pool add phones dev eth0 source dhcp low 2 high 4
check "behind a relay: the stock is filled" within 60 total_is phones 4
check "behind a relay: the server knows of all" within 5 leased_are 4
told open a 4 udp >/dev/null
a=$(told_first name a)
check "behind a relay: a lease is renewed" within 30 \
	grep -q "renewing, answer 5 from 10.70.0.1: $a" "$work/log"
check "behind a relay: by the server's own address" \
	grep -qE "DHCPREQUEST\(eth0\) $a " "$work/dnsmasq"
check "the socket is well" well a
told close a >/dev/null
check "behind a relay: a pool is deleted" ctl pool del phones
check "behind a relay: and the server told" within 30 leased_are 0
