#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A prefix that is delegated is that of a pool: Kea delegates, dhcpcd asks, and
# its hook does the rest.
#
#	host eth0 ---- bridge ---- eth0 server eth1 ---- eth0 far
#	  fe80::2                  fe80::1                2001:db8:f::2
#
# The server is the router of the host, too: what it delegates is behind fe80::2.
#
# Most of it waits for lifetimes and for TIME_WAIT: one of the long tests.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
[ -n "${INET_TUPLE_LONG:-}" ] || skip_all "takes six minutes: scripts/test --long"
need tuplectl kea-dhcp6 dhcpcd python3 ping socat
. "$(dirname "$0")/dhcp.sh"

dhcpcd=

setup_ns far
# shellcheck disable=SC2154	# by setup_ns
link_ns "$server" eth1 "$far" eth0
ip -n "$host" addr add fe80::2/64 dev eth0
ip -n "$server" addr add fe80::1/64 dev eth0
ip -n "$server" addr add 2001:db8:f::1/64 dev eth1
ip -n "$far" addr add 2001:db8:f::2/64 dev eth0
ip -n "$far" route add default via 2001:db8:f::1
ip -n "$host" route add default via fe80::1 dev eth0
ip -n "$server" route add 2001:db8::/40 via fe80::2 dev eth0
in_ns "$server" sysctl -qw net.ipv6.conf.all.forwarding=1
background in_ns "$far" socat TCP6-LISTEN:7,fork,reuseaddr EXEC:cat

# delegate PREFIX [VALID]: one network of 64, and no other, for ten minutes or so
# many seconds
delegate() {
	local valid=$((${2:-600} * factor))

	cat >"$work/six.json" <<-KEA
		{ "Dhcp6": {
		"data-directory": "$work",
		"interfaces-config": { "interfaces": [ "eth0" ] },
		"lease-database": { "type": "memfile", "name": "$work/six.leases",
			"lfc-interval": 0 },
		"valid-lifetime": $valid, "preferred-lifetime": $((valid * 3 / 4)),
		"renew-timer": $((5 * factor)), "rebind-timer": $((10 * factor)),
		"subnet6": [ { "subnet": "2001:db8::/32", "interface": "eth0",
			"pd-pools": [ { "prefix": "$1", "prefix-len": 64,
				"delegated-len": 64 } ] } ],
		"loggers": [ { "name": "kea-dhcp6", "severity": "INFO",
			"output_options": [ { "output": "$work/six.log" } ] } ]
		} }
	KEA
	[ ! -v 'kea[six]' ] || kea_stop six
	rm -f "$work/six.log"
	ip netns exec "$server" kea-dhcp6 -c "$work/six.json" >"$work/six.out" 2>&1 &
	kea[six]=$!
	within 60 grep -q DHCP6_STARTED "$work/six.log"
}

# As dynamic.rst has it, but for the pool
cat >"$work/dhcpcd.conf" - <(shown dynamic.rst /etc/dhcpcd.conf |
	sed 's/inet_tuple_pool=.*/inet_tuple_pool=phones order sequential quarantine 0/') <<'DHCPCD'
duid
persistent
ipv6only
noipv6rs
nohook resolv.conf, hostname
DHCPCD
dhcpcd_start() {
	ip netns exec "$host" dhcpcd --config "$work/dhcpcd.conf" --debug --nobackground \
		eth0 </dev/null >>"$work/log" 2>&1 &
	dhcpcd=$!
}
dhcpcd_ended() { ! kill -0 "$dhcpcd" 2>/dev/null; }
# dhcpcd_stop HOW: --exit, or --release. One that is stopped while it has much to do
# may not hear of it.
dhcpcd_stop() {
	local i

	for i in 1 2 3; do
		in_ns "$host" dhcpcd "$1" eth0 >>"$work/log" 2>&1
		! within 30 dhcpcd_ended || return 0
	done
	return 1
}
dhcpcd_kill() { kill -KILL "$dhcpcd"; }
defer dhcpcd_kill
rm -f /var/lib/dhcpcd/eth0.lease6 /var/lib/dhcpcd/inet_tuple.eth0.*

pool_has() { in_ns "$host" cat "/sys/class/inet_tuple/phones/$1"; }
prefixes_are() { [ "$(pool_has prefixes | sort | xargs)" = "$*" ]; }
drains() { pool_has excludes | grep -q "^$1-"; }
drains_no_more() { ! drains "$1"; }
# opens KEY PREFIX: a socket has an address of that
opens() {
	local address

	address=$(told_first open "$1" 6 tcp)
	[[ $address == $2* ]] && return
	echo "address: $address"
	return 1
}
echoes() { told send "$1" hello >/dev/null && [ "$(told recv "$1")" = hello ]; }
killed() { asks "ok ECONNABORTED" error "$1"; }

one=2001:db8:1:: two=2001:db8:2:: three=2001:db8:3::

delegate $one
dhcpcd_start
check "a prefix is delegated: there is a pool of it" within 60 prefixes_are $one/64
check_match "with the settings that were asked for" 'order sequential' ctl pool show phones
check "a socket has an address of it" opens a $one
check "and speaks with the world" told connect a 2001:db8:f::2 7
check "which answers" echoes a
a=$(told_first name a)
check "and reaches it" in_ns "$far" ping -6 -c 1 -W 5 -q "$a"
check_match "by the router's route" "^$a from :: via fe80::2 dev eth0" \
	ip -n "$server" route get "$a"
check "what nobody has is not ours to answer for" eval \
	"! in_ns $far ping -6 -c 1 -W 2 -q ${one}dead"
renewals() { grep -c "^$one," "$work/six.leases"; }
renewed() { [ "$(renewals)" -ge "$1" ]; }
check "it is renewed" within 30 renewed 3
check "which nobody notices" eval "prefixes_are $one/64 && well a && echoes a"

# Another prefix: what is in use of the old one stays

delegate $two
check "another prefix is delegated: it is the pool's, too" within 60 prefixes_are $one/64 $two/64
check "the old one drains" within 10 drains $one
check "a new socket has an address of the new one" opens b $two
check "and speaks with the world" told connect b 2001:db8:f::2 7
check "the old socket is well" eval 'well a && echoes a'
told close a >/dev/null
check "it is closed: the old prefix leaves" within 90 prefixes_are $two/64
check "and drains no more" drains_no_more $one
check "the new socket is well" eval 'well b && echoes b'

# And another, while a socket keeps the old one to its end

# renewed_for PREFIX SECONDS: so long is its lease now
renewed_for() {
	[ "$(grep "^$1," "$work/six.leases" | tail -n 1 | cut -d, -f3)" = $(($2 * factor)) ]
}
delegate $two 30
check "the prefix is short of time" within 60 renewed_for $two 30
delegate $three
check "yet another is delegated: it is the pool's" within 60 eval "pool_has prefixes | grep -qx $three/64"
check "the old one drains" within 10 drains $two
check "a new socket has an address of it" opens c $three
check "the old prefix's end: its socket is aborted" within 90 killed b
check "and the prefix leaves" within 30 prefixes_are $three/64
check "the new socket is well" well c
told close b >/dev/null

# One that comes back before it has gone

delegate $two
check "a prefix drains" within 60 drains $three
delegate $three
check "and is delegated again: it drains no more" within 60 drains_no_more $three
check "the one in between is gone" within 30 prefixes_are $three/64
check "a new socket has an address of it" opens d $three
check "the old socket is well" well c
told close d >/dev/null

# The client goes and comes, the server goes, the client goes for good

check "the client ends" dhcpcd_stop --exit
check "no client: the pool is as it was" prefixes_are $three/64
check "and the socket is well" well c
dhcpcd_start
renewals() { grep -c "^$three," "$work/six.leases"; }
check "the client is back" within 60 renewed $(($(renewals) + 1))
check "the pool is as it was" prefixes_are $three/64
check "and the socket is well" well c
delegate $three 30
check "it is short of time" within 60 renewed_for $three 30
kea_stop six
check "no server: the prefix's end" within 90 prefixes_are
check "the socket is aborted" killed c
check "there are no addresses" asks EADDRNOTAVAIL open e 6 tcp
told close c >/dev/null
delegate $three
check "the server is back: there are" within 120 prefixes_are $three/64
check "and sockets have them" opens f $three
check "the client ends, and releases it" dhcpcd_stop --release
check "the client is stopped for good: there are none" within 30 prefixes_are
check "the socket is aborted" killed f
