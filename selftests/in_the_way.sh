#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Addresses of a pool that cannot be leased, or not now: for the host has them, or
# an address of its that is like them, and what the pool does about that.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl python3

setup_ns host
# shellcheck disable=SC2154	# by setup_ns
on_host() { ip -n "$host" "$@"; }
ctl() { tuplectl -N "$host" "$@"; }
# What may never end
soon() { timeout 30 tuplectl -N "$host" "$@"; }
addrs() { on_host -o addr show dev d0; }
on_device() { addrs | grep -q " $1/"; }
on_host link add d0 type dummy
on_host link set d0 up
agent_start
ask ns "$host" >/dev/null

# All that the pool has: opened N of KIND, as a list of their addresses
all_of() {
	local i

	for ((i = 0; i < $1; i++)); do
		ask open "all$i" "$2" udp >/dev/null && told_first name "all$i"
	done
}
close_all() {
	local i

	for ((i = 0; i < $1; i++)); do
		ask close "all$i" >/dev/null
	done
}

# An IPv6 address of the device that is one of IPv4

printf 'addr add 10.66.1.%d/32 dev d0\n' {1..16} | on_host -batch -
on_host addr add ::ffff:10.66.1.20/128 dev d0 nodad
check "a pool beside an address of IPv6 that is one of IPv4" \
	soon pool add x dev d0 prefix 10.66.1.0/24
told many a 64 4 udp >/dev/null
on_host addr add ::ffff:10.66.1.200/128 dev d0 nodad
check "another one comes" soon pool set x quarantine 0
on_host addr add 10.66.1.240/32 dev lo
a=$(told_first name a0)
for address in 10.66.1.240 "$a"; do
	on_host addr add "::ffff:$address/128" dev d0 nodad
	on_host addr del "::ffff:$address/128" dev d0
done
told open b 4 udp >/dev/null
told bind b 10.66.1.240 7 >/dev/null
check_output "what goes was not the host's address" "" ctl lease show address 10.66.1.240
check "nor the lease's" on_device "$a"
check "and nobody is told so" asks "ok 0" error a0
told close b >/dev/null
told close_many a 64 >/dev/null
ctl pool del x
on_host addr flush dev d0

# More leases than one are excluded, and no longer are

ctl pool add x dev d0 prefix 10.66.2.0/24
told many a 60 4 udp >/dev/null
ctl pool set x exclude +10.66.2.1-10.66.2.100
check "60 leases are the pool's again" soon pool set x exclude -10.66.2.1-10.66.2.100
told close_many a 60 >/dev/null
check_output "and can all be had" 254 eval 'all_of 254 4 | sort -u | wc -l'
close_all 254
mapfile -t leased < <(all_of 40 4)
printf 'addr add %s/32 dev lo\n' "${leased[@]}" | on_host -batch -
ctl pool set x exclude +10.66.2.0-10.66.2.255
close_all 40
check "and so if the host has them meanwhile" \
	soon pool set x exclude -10.66.2.0-10.66.2.255
check_output "which keeps them" 214 eval 'all_of 214 4 | sort -u | wc -l'
close_all 214
check_match "all of them" " total 254 " ctl pool show x
on_host addr flush dev lo
ctl pool del x

# A broadcast address, and the other end of a tunnel

on_host addr add 10.66.3.5/29 dev d0
ctl pool add x dev d0 prefix 10.66.3.0/28 order sequential
check_output "a broadcast address of the host's is passed over" 12 \
	eval 'all_of 12 4 | grep -vxF 10.66.3.7 | sort -u | wc -l'
close_all 12
on_host addr add 10.66.3.17/32 brd 10.66.3.1 dev d0
check_output "one that comes later, too" 11 \
	eval 'all_of 11 4 | grep -vxF -e 10.66.3.7 -e 10.66.3.1 | sort -u | wc -l'
close_all 11
on_host addr add 10.66.3.6/29 dev d0
on_host addr del 10.66.3.6/29 dev d0
told open a 4 udp >/dev/null
told bind a 10.66.3.7 7 >/dev/null
check_output "as long as one address of the subnet is there" "" \
	ctl lease show address 10.66.3.7
told close a >/dev/null
on_host addr flush dev d0
told open a 4 udp >/dev/null
told bind a 10.66.3.7 7 >/dev/null
check_match "when it is gone, the address is the pool's" 10.66.3.7 \
	ctl lease show address 10.66.3.7
told close a >/dev/null
on_host addr add 10.66.3.1 peer 10.66.3.2/32 dev d0
check_output "the peer's address is passed over" 10.66.3.3 told_first open a 4 udp
told close a >/dev/null
ctl pool del x
on_host addr flush dev d0

# An address that looks like ours, and is nobody's lease

for address in 10.66.4.1 fd66::1; do
	kind=4
	[[ $address != *:* ]] || kind=6
	told like_ours d0 "$address" >/dev/null
	ctl pool add x dev d0 prefix "$address"
	check "one like ours is in the way of IPv$kind" asks EADDRNOTAVAIL open a $kind udp
	on_host addr del "$address" dev d0 2>/dev/null
	check "and no longer, when it is gone" told open a $kind udp
	told close a >/dev/null
	ctl pool del x
done

# IPv6 is switched off below sockets that have addresses

ctl pool add x dev d0 prefix fd66::/64 quarantine 0
on_host addr add fe80::1/64 dev d0 nodad
a=$(told_first open a 6 udp)
check "an address is there ($a)" on_device "$a"
in_ns "$host" sysctl -qw net.ipv6.conf.d0.disable_ipv6=1
check_fails "without IPv6 it is not" on_device "$a"
check "but nobody has deleted it" asks "ok 0" error a
in_ns "$host" sysctl -qw net.ipv6.conf.d0.disable_ipv6=0
check "with IPv6 it is back" wait_for 5 on_device "$a"
on_host link set d0 mtu 1000
check_fails "with a short MTU it is not there" on_device "$a"
check "and nobody has deleted it" asks "ok 0" error a
on_host link set d0 mtu 1500
check "with a long one it is back" wait_for 5 on_device "$a"
on_host addr del "$a/128" dev d0
check "but a deletion is one" wait_for 5 asks "ok ECONNABORTED" error a
told close a >/dev/null
ctl pool del x

# The device goes, and another gets its name a moment later

ctl pool add x dev d0 prefix 10.66.5.0/24
on_host link del d0
check "without its device the pool has nothing" asks ENODEV open a 4 udp
on_host link add d1 type dummy
on_host link set d1 up
on_host link set d1 down
on_host link set d1 name d0
on_host link set d0 up
check "a device with its name is the pool's" told open a 4 udp
told close a >/dev/null
ctl pool del x

# Prefixes that hold addresses which no socket can have

for prefix in 128.0.0.0/1 192.0.0.0/2 8000::/1 fe00::/8 ::fffe:0:0/95 ::8000:0:0/81; do
	check_match "no prefix of a pool: $prefix" "global unicast" \
		eval "! tuplectl -N $host pool add y dev d0 prefix $prefix 2>&1"
done
check "one just beside" ctl pool add y dev d0 prefix 2000::/3
