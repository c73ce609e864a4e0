#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How the host owns a leased address: what the device, the routes and a
# neighbour see of it, with both ways of plumbing and both families.
#
#	host eth0 10.64.0.1/24 fd64::1/64 ----- eth0 peer .2 ::2
#
# 10.65.0.0/24 and fd65::/64 are on the peer's link too, and nobody's at first.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl python3 arping ping

setup_ns host peer
# shellcheck disable=SC2154	# by setup_ns
link_ns "$host" eth0 "$peer" eth0
ip -n "$host" -batch - <<'IP'
addr add 10.64.0.1/24 dev eth0
addr add fd64::1/64 dev eth0 nodad
IP
# shellcheck disable=SC2154
ip -n "$peer" -batch - <<'IP'
addr add 10.64.0.2/24 dev eth0
addr add fd64::2/64 dev eth0 nodad
route add 10.65.0.0/24 dev eth0
route add fd65::/64 dev eth0
IP
mac=$(ip -n "$host" -o link show eth0 | sed 's/.*ether \([^ ]*\).*/\1/')
agent_start

ctl() { tuplectl -N "$host" "$@"; }
addrs() { ip -n "$host" -o addr show dev eth0 to "$1"; }
no_addr() { [ -z "$(addrs "$1")" ]; }
# The routing table that says what is the host's own; one word a line would
# be long: what matters fits a line.
local_route() { ip -n "$host" "-$1" route show table local "$2"; }
no_local_route() { [ -z "$(local_route "$@")" ]; }
host_is() { ask ns "$host" >/dev/null; }
peer_is() { ask ns "$peer" >/dev/null; }
pings() { in_ns "$peer" ping -c 1 -W 3 -q "$1"; }
# The peer's neighbour entry says so, in a while.
neigh() { wait_for 6 grep_neigh "$1" "$2"; }
grep_neigh() { ip -n "$peer" neigh show "$1" dev eth0 | grep -E "$2"; }
quick() { awk -v t="$1" 'BEGIN { print t; exit !(t < 0.5) }'; }

# tcp_from_peer KIND ADDRESS: to a listener that is there; how long it took.
tcp_from_peer() {
	local time

	peer_is
	told open c "inet$1" tcp >/dev/null
	time=$(told connect c "$2" 7777)
	host_is
	told accept l a >/dev/null
	told send c hello >/dev/null
	asks "ok hello" recv a || return
	told close c a >/dev/null
	quick "$time"
}

# Address plumbing

ctl pool add a4 dev eth0 prefix 10.64.0.64/29
ctl pool add a6 dev eth0 prefix fd64::100/124
host_is

a4=$(told_first open l 4 tcp)
check_match "IPv4: a /32 of scope host" \
	"inet $a4/32 scope host .*noprefixroute" addrs "$a4"
check "IPv4: marked as ours" asks "ok 84" ifaproto "$a4"
check "IPv4: ARP is answered" in_ns "$peer" arping -f -c 3 -w 5 -I eth0 "$a4"
check "IPv4: ping is answered" pings "$a4"
check "IPv4: a listener" asks ok bind l 0.0.0.0 7777
told listen l >/dev/null
check "IPv4: TCP from the peer at once" tcp_from_peer 4 "$a4"
told open o inet4 udp >/dev/null
told connect o 10.64.0.2 9 >/dev/null
check_match "IPv4: an ordinary socket has the host's own source" \
	"^ok 10.64.0.1 " ask name o
told close o l >/dev/null
check "IPv4: the address goes with the socket" wait_for 5 no_addr "$a4"
check_fails "IPv4: and its ping" in_ns "$peer" ping -c 1 -W 1 -q "$a4"

a6=$(told_first open l 6 tcp)
told bind l :: 7777 >/dev/null
told listen l >/dev/null
check "IPv6: TCP from the peer at once, before any DAD" tcp_from_peer 6 "$a6"
check_match "IPv6: a /128 without DAD" \
	"inet6 $a6/128 scope global .*nodad" addrs "$a6"
check "IPv6: marked as ours" asks "ok 84" ifaproto "$a6"
check_match "IPv6: no source for others" "deprecated" addrs "$a6"
check_fails "IPv6: not tentative" grep -q tentative <<<"$(addrs "$a6")"
ip -n "$peer" neigh flush dev eth0
check "IPv6: ping is answered" pings "$a6"
check "IPv6: the neighbour is found" neigh "$a6" "$mac .*(REACHABLE|STALE|DELAY)"
told open o inet6 udp >/dev/null
told connect o fd64::2 9 >/dev/null
check_match "IPv6: an ordinary socket has the host's own source" \
	"^ok fd64::1 " ask name o
told close o l >/dev/null
check "IPv6: the address goes with the socket" wait_for 5 no_addr "$a6"

# as a client: the answer to the SYN must find the address there
peer_is
told open s inet6 tcp >/dev/null
told bind s fd64::2 7778 >/dev/null
told listen s >/dev/null
host_is
told open l 6 tcp >/dev/null
check "IPv6: a connection from it is made at once" \
	quick "$(told connect l fd64::2 7778)"
peer_is
check "IPv6: the peer sees the lease" asks "ok $(host_is; told_first name l)" accept s a
host_is
told reset l >/dev/null
told close l s a >/dev/null

# Addresses of the admin's

# all_leases KIND: lease what there is, print it sorted, give it back.
all_leases() {
	local i addr

	for i in 0 1 2 3 4 5 6 7 8 9; do
		addr=$(ask open "x$i" "$1" udp) || break
		addr=${addr#ok }
		echo "${addr%% *}"
	done | sort | tr '\n' ' '
	for i in 0 1 2 3 4 5 6 7 8 9; do
		ask close "x$i" >/dev/null || break
	done
}

ctl pool del a4 force
ctl pool del a6 force
ip -n "$host" addr add 10.64.0.69/24 dev eth0
ip -n "$host" addr add fd64::201/64 dev eth0 nodad
ctl pool add a4 dev eth0 prefix 10.64.0.68/30
ctl pool add a6 dev eth0 prefix fd64::200/126
check_output "IPv4: the host's own address is no lease" "10.64.0.70 " all_leases 4
check_output "IPv6: the host's own address is no lease" \
	"fd64::202 fd64::203 " all_leases 6
check_match "IPv4: and stays the host's" "inet 10.64.0.69/24" addrs 10.64.0.69
check_match "IPv6: and stays the host's" "inet6 fd64::201/64" addrs fd64::201
ip -n "$host" addr add 10.64.0.70/24 dev lo
ip -n "$host" addr add fd64::202/128 dev lo
check_output "IPv4: one added since, on any device, is no lease" "" all_leases 4
check_output "IPv6: one added since, on any device, is no lease" \
	"fd64::203 " all_leases 6
ip -n "$host" addr del 10.64.0.70/24 dev lo
ip -n "$host" addr del fd64::202/128 dev lo
ip -n "$host" addr del 10.64.0.69/24 dev eth0
ip -n "$host" addr del fd64::201/64 dev eth0
check_output "IPv4: leases when the host has given them up" \
	"10.64.0.69 10.64.0.70 " all_leases 4
check_output "IPv6: leases when the host has given them up" \
	"fd64::201 fd64::202 fd64::203 " all_leases 6

a4=$(told_first open l 4 udp)
ip -n "$host" addr add "$a4/24" dev eth0
check_match "added over a lease: both are there" "inet $a4/32" addrs "$a4"
told close l >/dev/null
only_admins() { [ "$(addrs "$a4" | grep -c inet)" = 1 ] && addrs "$a4" | grep "/24"; }
check "added over a lease: the admin's stays when the lease ends" \
	wait_for 5 only_admins
check "added over a lease: it answers" pings "$a4"
check_fails "added over a lease: nobody gets it" \
	grep -qw "$a4" <<<"$(all_leases 4)"
ip -n "$host" addr del "$a4/24" dev eth0

a4=$(told_first open l 4 tcp)
ip -n "$host" addr add "$a4/24" dev eth0
ip -n "$host" addr del "$a4/24" dev eth0
check_match "added over a lease and taken away: the lease stays" \
	"inet $a4/32" addrs "$a4"
check "added over a lease and taken away: the lease answers" pings "$a4"
told close l >/dev/null

# On another device, and on yet another: it is the host's as long as one has it
elsewhere() { ip -n "$host" addr "$1" "$2/$3" dev "$4" nodad; }
for kind in 4 6; do
	length=$((kind == 4 ? 24 : 64))
	address=$(told_first open l $kind udp)
	elsewhere add "$address" $length lo
	told close l >/dev/null
	check_fails "IPv$kind: on another device meanwhile: nobody gets it" \
		grep -qw "$address" <<<"$(all_leases $kind)"
	elsewhere del "$address" $length lo
	address=$(told_first open l $kind udp)
	elsewhere add "$address" $length lo
	elsewhere add "$address" $length eth0
	elsewhere del "$address" $length eth0
	told close l >/dev/null
	check_fails "IPv$kind: and on two, of which one has it still: nobody gets it" \
		grep -qw "$address" <<<"$(all_leases $kind)"
	elsewhere del "$address" $length lo
	address=$(told_first open l $kind udp)
	elsewhere add "$address" $length lo
	elsewhere del "$address" $length lo
	told close l >/dev/null
	check "IPv$kind: taken away while it is leased: it is the pool's again" \
		grep -qw "$address" <<<"$(all_leases $kind)"
done
ctl pool del a4 force
ctl pool del a6 force
check "nothing is left of address plumbing" \
	test "$(ip -n "$host" -o addr show dev eth0 | grep -c /32)" = 0

# Prefix plumbing

ctl pool add p4 dev eth0 prefix 10.65.0.0/24 plumb prefix
ctl pool add p6 dev eth0 prefix fd65::/64 plumb prefix order sequential
check_match "IPv4: the prefix is local" \
	"^local 10.65.0.0/24 dev eth0 proto (84|0x54)" local_route 4 10.65.0.0/24
check_match "IPv6: the prefix is local" \
	"^local fd65::/64 dev eth0 .*proto (84|0x54)" local_route 6 fd65::/64

a4=$(told_first open l 4 tcp)
check "IPv4: no address on the device" no_addr 10.65.0.0/24
check "IPv4: ping is answered" pings "$a4"
told bind l 0.0.0.0 7777 >/dev/null
told listen l >/dev/null
check "IPv4: TCP from the peer" tcp_from_peer 4 "$a4"
told open u 4 udp >/dev/null
peer_is
told open s inet4 udp >/dev/null
told bind s 10.64.0.2 7779 >/dev/null
host_is
told sendto u hi 10.64.0.2 7779 >/dev/null
u4=$(told_first name u)
check "IPv4: the peer sees the lease of a UDP socket" asks "ok hi $u4" recv s
told sendto s ho "$u4" "$(told name u | cut -d' ' -f2)" >/dev/null
check "IPv4: and may answer" asks "ok ho 10.64.0.2" recv u
told close l u s >/dev/null

a6=$(told_first open l 6 tcp)
check "IPv6: no address on the device" no_addr fd65::/64
told bind l :: 7777 >/dev/null
told listen l >/dev/null
check "IPv6: TCP from the peer at once" tcp_from_peer 6 "$a6"
check "IPv6: ping of the lease" pings "$a6"
check "IPv6: the neighbour is found" neigh "$a6" "$mac .*(REACHABLE|STALE|DELAY)"
ip -n "$peer" neigh replace "$a6" lladdr "$mac" dev eth0 nud probe
check "IPv6: a unicast probe is answered" neigh "$a6" "$mac .*REACHABLE"
ip -n "$peer" neigh replace fd65::dead lladdr "$mac" dev eth0 nud probe
check_fails "IPv6: ping of what is not leased" \
	in_ns "$peer" ping -c 1 -W 1 -q fd65::beef
check "IPv6: solicitations for it are not answered" \
	neigh fd65::beef "FAILED|INCOMPLETE"
check "IPv6: nor is a unicast probe" neigh fd65::dead "FAILED|INCOMPLETE"
told open u 6 udp >/dev/null
peer_is
told open s inet6 udp >/dev/null
told bind s fd64::2 7779 >/dev/null
host_is
told sendto u hi fd64::2 7779 >/dev/null
check "IPv6: the peer sees the lease of a UDP socket" \
	asks "ok hi $(told_first name u)" recv s
told close l u s >/dev/null
ip -n "$peer" neigh flush dev eth0
check_fails "IPv6: no answer after the lease" in_ns "$peer" ping -c 1 -W 1 -q "$a6"
check "both pools give up their prefixes" \
	eval "tuplectl -N $host pool del p4 force && tuplectl -N $host pool del p6 force"
check "IPv4: the route is gone" no_local_route 4 10.65.0.0/24
check "IPv6: the route is gone" no_local_route 6 fd65::/64
check_fails "the device is no longer in allmulti" \
	grep -q "allmulti 1" <<<"$(ip -n "$host" -d link show eth0)"

# In a VRF: an address has its local route in that one's table, and a prefix in local

ip -n "$host" -batch - <<'IP'
link add red type vrf table 1042
link set red up
link set eth0 master red
addr replace fd64::1/64 dev eth0 nodad
IP
local_in() { [ -n "$(ip -n "$host" "-$2" route show table "$1" "$3")" ]; }
ctl pool add a4 dev eth0 prefix 10.64.0.64/29
ctl pool add a6 dev eth0 prefix fd64::100/124
for kind in 4 6; do
	address=$(told_first open l $kind udp)
	check "IPv$kind: a lease in a VRF ($address)" local_in 1042 $kind "$address"
	check "IPv$kind: which is answered for" pings "$address"
	told close l >/dev/null
done
ctl pool del a4 force
ctl pool del a6 force
declare -A prefix=([4]=10.65.0.0/24 [6]=fd65::/64)
ctl pool add p4 dev eth0 prefix "${prefix[4]}" plumb prefix
ctl pool add p6 dev eth0 prefix "${prefix[6]}" plumb prefix
for kind in 4 6; do
	address=$(told_first open l $kind udp)
	check "IPv$kind: a prefix in a VRF" local_in local $kind "${prefix[$kind]}"
	check "IPv$kind: of which leases are answered for" pings "$address"
	told close l >/dev/null
done
ctl pool del p4 force
ctl pool del p6 force
no_prefix() { ! local_in local 4 "${prefix[4]}" && ! local_in local 6 "${prefix[6]}"; }
check "and nothing is left of them" no_prefix
