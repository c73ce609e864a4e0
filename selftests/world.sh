#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What happens to pools, leases and sockets when the world changes under them:
# devices, namespaces, addresses, the pools themselves, and the module's end.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl python3 ping

setup_ns host peer other
# shellcheck disable=SC2154	# by setup_ns
link_ns "$host" eth0 "$peer" eth0
own_addresses() {
	ip -n "$host" -batch - <<-IP
		addr replace 10.64.0.1/24 dev eth0
		addr replace fd64::1/64 dev eth0 nodad
	IP
}
own_addresses
# shellcheck disable=SC2154
ip -n "$peer" -batch - <<'IP'
addr add 10.64.0.2/24 dev eth0
addr add fd64::2/64 dev eth0 nodad
route add 10.65.0.0/24 dev eth0
route add fd65::/64 dev eth0
IP
agent_start
ask ns "$host" >/dev/null

ctl() { tuplectl -N "$host" "$@"; }
on_host() { ip -n "$host" "$@"; }
on_dev() { on_host -o addr show to "$1" | grep -q "inet"; }
off_dev() { ! on_dev "$1"; }
is_local() { [ -n "$(on_host "-$1" route show table local type local "$2")" ]; }
not_local() { ! is_local "$@"; }
pings() { in_ns "$peer" ping -c 1 -W 3 -q "$1"; }
counts() { ctl pool show "$1" | grep -E "in_use $2 quarantined $3\$"; }
# The four kinds of leases there are: by address and by prefix, IPv4 and IPv6.
four() {
	a4=$(told_first open a4 4 udp)
	a6=$(told_first open a6 6 udp)
	told open p4 4 udp >/dev/null
	told move p4 p4 >/dev/null
	p4=$(told_first name p4)
	told open p6 6 udp >/dev/null
	told move p6 p6 >/dev/null
	p6=$(told_first name p6)
}
all_there() {
	on_dev "$a4" && on_dev "$a6" && is_local 4 10.65.0.0/24 && is_local 6 fd65::/64
}
all_ping() { pings "$a4" && pings "$a6" && pings "$p4" && pings "$p6"; }
each() {
	local key

	for key in a4 a6 p4 p6; do
		"$@" "$key" || return
	done
}
well() { asks "ok 0" error "$1"; }
aborted() { asks "ok ECONNABORTED" error "$1"; }

ctl -b - <<'BATCH'
pool add a4 dev eth0 prefix 10.64.0.64/28
pool add a6 dev eth0 prefix fd64::100/120
pool add p4 dev eth0 prefix 10.65.0.0/24 plumb prefix
pool add p6 dev eth0 prefix fd65::/64 plumb prefix
BATCH

# The device goes down and up

four
check "four leases answer" all_ping
on_host link set eth0 down
check "down: no new socket" asks ENETDOWN open x 4 udp
check "down: no new socket, IPv6" asks ENETDOWN open x 6 udp
check "down: the sockets there are live on" each well
on_host link set eth0 up
check "up: addresses and prefixes are there again" wait_for 10 all_there
own_addresses
check "up: the leases answer again" wait_for 10 all_ping
check "up: new sockets" told open x 6 udp
told close x a6 >/dev/null
check "up: a lease that came back goes with its socket" wait_for 5 off_dev "$a6"
a6=$(told_first open a6 6 udp)

# It gets another name

on_host link set eth0 down
on_host link set eth0 name lan0
on_host link set lan0 up
on_host addr replace fd64::1/64 dev lan0 nodad
check_match "renamed: the pool goes with it" "^a4 dev lan0 " ctl pool show a4
check "renamed: addresses and prefixes are there" wait_for 10 all_there
check "renamed: the leases answer" wait_for 10 all_ping
on_host link set lan0 down
on_host link set lan0 name eth0
on_host link set eth0 up
wait_for 10 all_there

# It moves to another namespace and back

# shellcheck disable=SC2154
on_host link set eth0 netns "$other"
check_match "moved: the pool has no device" "^a4 dev eth0 \(gone\)" ctl pool show a4
check "moved: no new socket" asks ENODEV open x 4 udp
check "moved: the sockets there are live on" each well
check "moved: no lease went along" \
	test -z "$(ip -n "$other" -o addr show dev eth0 | grep -E ' 10\.| fd6')"
ip -n "$other" link set eth0 netns "$host"
check_match "back: the pool has it" "^a4 dev eth0 total" ctl pool show a4
on_host link set eth0 up
own_addresses
check "back: addresses and prefixes are there" wait_for 10 all_there
check "back: the leases answer" wait_for 10 all_ping

# Sockets end while the device is away

on_host link set eth0 netns "$other"
check "moved: sockets are closed" told close a4 a6 p4 p6
for pool in a4 a6 p4 p6; do
	check "moved: $pool has no lease left" wait_for 5 counts $pool 0 0
done
ip -n "$other" link set eth0 netns "$host"
on_host link set eth0 up
own_addresses
check "back: the prefixes are there" wait_for 10 is_local 6 fd65::/64
check "back: no address is" off_dev 10.64.0.64/28

# It is deleted, and one of the same name made

on_host link add d0 type dummy
on_host link set d0 up
ctl pool add d4 dev d0 prefix 10.66.0.0/24
ctl pool add d6 dev d0 prefix fd66::/64 plumb prefix
for key in d4 e4 d6; do
	told open $key ${key#?} udp >/dev/null
	told move $key d${key#?} >/dev/null
done
on_host link del d0
check_match "deleted: the pool is there, without device" "^d4 dev d0 \(gone\)" \
	ctl pool show d4
told open x 4 udp >/dev/null
check "deleted: no new lease" asks ENODEV move x d4
told close x >/dev/null
check "deleted: a socket lives on" well d4
check "deleted: and is closed" told close d4 d6
on_host link add d0 type dummy
check_match "a new one of that name is the pool's" "^d4 dev d0 total" ctl pool show d4
on_host link set d0 up
check "what is leased is on it" wait_for 10 on_dev "$(told_first name e4)"
check "and the prefix" wait_for 10 is_local 6 fd66::/64
told open d6 6 udp >/dev/null
check "new leases" told move d6 d6
told close d6 e4 >/dev/null
on_host link del d0
check "a pool without device is deleted" ctl pool del d4
check "with prefix plumbing, too" ctl pool del d6

# The admin takes leased addresses away

four
told open x4 4 tcp >/dev/null
told listen x4 >/dev/null
on_host addr del "$a4/32" dev eth0
on_host addr del "$a6/128" dev eth0
check "an address is deleted: its socket is aborted" wait_for 5 aborted a4
check "an address is deleted: its socket is aborted, IPv6" wait_for 5 aborted a6
check "others are not" well p4
on_host addr flush dev eth0
check "flush: the address of a listener is gone" off_dev "$(told_first name x4)"
check "flush: no lease is left of address plumbing" \
	wait_for 5 eval 'counts a4 0 0 && counts a6 0 0'
check "flush: prefixes are not addresses" wait_for 5 is_local 4 10.65.0.0/24
told close a4 a6 x4 p4 p6 >/dev/null
own_addresses
ip -n "$peer" neigh flush dev eth0
a4=$(told_first open a4 4 udp)
check "flush: new sockets answer" pings "$a4"

# A device without an address of the host's

on_host link add d0 type dummy
on_host link set d0 up
ctl pool add d4 dev d0 prefix 10.66.0.0/24
ctl pool add dp dev d0 prefix 10.67.0.0/24 plumb prefix
told open x 4 udp >/dev/null
told move x d4 >/dev/null
told close x >/dev/null
check "a prefix outlives the last address of its device" \
	wait_for 5 is_local 4 10.67.0.0/24
ctl pool del d4
ctl pool del dp
on_host link del d0

# Pools are deleted and changed while sockets hold their leases

check_match "del: a pool in use is kept" "Sockets hold leases" \
	eval '! ctl pool del a4 2>&1'
check_match "set: a prefix in use is kept" "leased" \
	eval '! ctl pool set a4 prefix -10.64.0.64/28 2>&1'
check_match "set: plumbing in use is kept" "Plumbing cannot change" \
	eval '! ctl pool set a4 plumb prefix 2>&1'
check "and the socket is well" well a4
check "a prefix that nobody uses comes" ctl pool set a4 prefix +10.64.0.96/30
check "and goes" ctl pool set a4 prefix -10.64.0.96/30
told open p6 6 udp >/dev/null
told move p6 p6 >/dev/null
told connect p6 fd64::2 9 >/dev/null
check "del force" ctl pool del p6 force
check "del force: the socket is aborted" aborted p6
check "del force: the prefix is nobody's" wait_for 5 not_local 6 fd65::/64
check "del force: and the pool is gone" eval '! ctl pool show p6 2>/dev/null'
told close p6 >/dev/null

check "excludes come while sockets hold them" ctl pool set a4 exclude "+$a4"
check "and the socket is well" well a4
check "and answers" pings "$a4"
told close a4 >/dev/null
told many x 13 4 udp >/dev/null
check "but its address is not leased again" asks EADDRNOTAVAIL open y 4 udp
told close_many x 13 >/dev/null
ctl pool set a4 exclude "-$a4"

# Draining, quarantine and patience

told open a4 4 udp >/dev/null
check "draining" ctl pool set a4 state draining
check "draining: no new lease" asks EADDRNOTAVAIL open x 4 udp
check "draining: those there are are kept" well a4
ctl pool set a4 state active
check "active again" told open x 4 udp
told close x a4 >/dev/null

ctl pool add q4 dev eth0 prefix 10.64.0.128/31 default on quarantine 1500
now() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
told open a 4 udp >/dev/null
told open b 4 udp >/dev/null
told connect a 10.64.0.2 9 >/dev/null
check "exhausted" asks EADDRNOTAVAIL open x 4 udp
ctl pool set q4 wait 300
begun=$(now)
check "exhausted: patience ends" asks EADDRNOTAVAIL open x 4 udp
took=$(($(now) - begun))
check "exhausted: after the time to wait ($took ms)" test $took -ge 290 -a $took -lt 2000
check "exhausted: who does not want to wait" asks EAGAIN open x 4 udpnb
ctl pool set q4 wait 8000
told close a >/dev/null
begun=$(now)
check "quarantine: one that waits gets the address" told open x 4 udp
took=$(($(now) - begun))
check "quarantine: when it ends ($took ms)" test $took -ge 1400 -a $took -lt 4000
ctl pool set q4 wait 0
told close x b >/dev/null
check "quarantine: a given time is for sockets that never connected, too" \
	asks EADDRNOTAVAIL open x 4 udp
check_match "quarantine: told of" "state|quarantine .*left [01]\.[0-9]+s" ctl lease show pool q4
check "quarantine: it ends" wait_for 5 counts q4 0 0
ctl pool del q4

# The default pool

check "the default's end leaves none, and pools by route" told open x 4 udp
check "which bind alone cannot choose" asks EADDRNOTAVAIL bind x 0.0.0.0 7
told connect x 10.64.0.2 9 >/dev/null
check_match "but connect can" "^ok 10\.6[45]\." ask name x
told close x >/dev/null
is_default() { ctl pool show "$1" | grep -q " default $2 "; }
ctl pool set p4 default on
check "default on" is_default p4 on
check "for one pool" is_default a4 off
check_match "from which sockets lease" "^ok 10\.65\." ask open x 4 udp
told close x >/dev/null
ctl pool set a4 default on
check "it moves" is_default p4 off

# Tracepoints

trace=/sys/kernel/tracing
if [ -d $trace/events/inet_tuple ]; then
	echo 1 >$trace/events/inet_tuple/enable
	a4=$(told_first open a4 4 udp)
	told close a4 >/dev/null
	echo 0 >$trace/events/inet_tuple/enable
	for event in assign release free; do
		check_match "tracepoint tuple_lease_$event" \
			"tuple_lease_$event: netns=[0-9]+ pool=a4 addr=::ffff:$a4 " \
			cat $trace/trace
	done
	echo >$trace/trace
else
	tap_skip "tracepoints" "no tracefs"
fi

# Pools that are large

free_kb() { awk '/^(MemFree|Cached|Buffers|SReclaimable):/ { n += $2 } END { print n }' /proc/meminfo; }
before=$(free_kb)
begun=$(now)
check "an IPv4 /8 and an IPv6 /32" ctl -b - <<'BATCH'
pool add big4 dev eth0 prefix 16.0.0.0/8 plumb prefix
pool add big6 dev eth0 prefix fd77::/32 plumb prefix
BATCH
took=$(($(now) - begun))
check "are made at once ($took ms)" test $took -lt $((2000 * ${TIMEOUT_FACTOR:-1}))
used=$((before - $(free_kb)))
check "and are small ($used KiB)" test $used -lt 8192
told open x 4 udp >/dev/null
check "and serve" told move x big4
told open y 6 udp >/dev/null
check "and serve, IPv6" told move y big6
told close x y >/dev/null
ctl pool del big4 force
ctl pool del big6 force

# A namespace ends with sockets in it

ip netns add "end-$$"
ip link add tail$$ type veth peer name eth0 netns "end-$$"
ip -n "end-$$" link set eth0 up
tuplectl -N "end-$$" -b - <<'BATCH'
pool add a dev eth0 prefix 10.64.0.0/24 prefix fd64::/64
pool add p dev eth0 prefix 10.65.0.0/24 prefix fd65::/64 plumb prefix
BATCH
ask ns "end-$$" >/dev/null
told many e 5 4 udp >/dev/null
told many f 5 6 tcp >/dev/null
told listen f0 >/dev/null
told move e0 p >/dev/null
told open q 4 udp >/dev/null
told connect q 10.64.0.200 9 >/dev/null
told close q >/dev/null	# it rests for a minute
ask ns "$host" >/dev/null
tail_gone() { ! ip link show tail$$ >/dev/null 2>&1; }
ip netns del "end-$$"
sleep 1
check "a namespace lives as long as a socket" eval '! tail_gone'
check "and its sockets" well e1
told close_many e 5 >/dev/null
told close_many f 5 >/dev/null
check "and goes with the last" wait_for 20 tail_gone

# The module ends

told open a4 4 udp >/dev/null
check_fails "the module is not unloaded under a socket" rmmod inet_tuple
told close a4 >/dev/null
ask ns "$peer" >/dev/null
told open s inet4 tcp >/dev/null
told bind s 10.64.0.2 7777 >/dev/null
told listen s >/dev/null
ask ns "$host" >/dev/null
told open t 4 tcp >/dev/null
told connect t 10.64.0.2 7777 >/dev/null
t=$(told_first name t)
told accept s a >/dev/null
told close t a >/dev/null
check "TIME_WAIT keeps the address" on_dev "$t"
check_match "and lease show tells" "^$t +a4 +lingering" ctl lease show pool a4
told open u 4 udp >/dev/null
told connect u 10.64.0.2 9 >/dev/null
told close u >/dev/null
check_match "and another rests" "quarantine" ctl lease show pool a4
check "the module is unloaded with all its pools" wait_for 10 rmmod inet_tuple
check "no address is left" off_dev 10.64.0.64/28
check "no prefix is left" not_local 4 10.65.0.0/24
check "and the host's own is" on_dev 10.64.0.1
check "nothing of it is in sysfs" test ! -e /sys/class/inet_tuple
check "who asks for the family loads it again" asks EADDRNOTAVAIL open x 4 udp
check "and there it is" test -e /sys/class/inet_tuple/pools
check "and knows of no pool" test -z "$(ctl save)"
check_fails "no device was waited for" grep -q "unregister_netdevice: waiting" \
	<<<"$(dmesg)"
