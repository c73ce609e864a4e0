#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is the host's and what is a lease's, when both want the same address, the
# device changes below both, and each comes and goes at any moment.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl python3

factor=${TIMEOUT_FACTOR:-1}
work=$(mktemp -d)
defer rm -rf "$work"
setup_ns host
# shellcheck disable=SC2154	# by setup_ns
on_host() { ip -n "$host" "$@"; }
ctl() { tuplectl -N "$host" "$@"; }
set_up() {
	on_host -batch - <<-'IP'
		link set d0 up
		addr replace fd67::1/64 dev d0 nodad
	IP
}
on_host link add d0 type dummy
set_up
agent_start
ask ns "$host" >/dev/null

# The IPv6 addresses that are leases', which nobody else is to speak from, and the
# host's
ours() { on_host -o -6 addr show dev d0 | grep " deprecated "; }
others() { on_host -o -6 addr show dev d0 | grep -v " deprecated "; }
is_ours() { ours | grep -q " $1/"; }
is_hosts() { others | grep -q " $1/"; }
none_ours() { [ -z "$(ours)" ]; }
hosts_are() { [ "$(others | grep -c " fd67::1[0-9a-f][0-9a-f]/128 ")" = "$1" ]; }
is_local() { routes | grep -q "$1"; }
not_local() { ! is_local "$1"; }
locals_are() { [ "$(routes | wc -l)" = "$1" ]; }
routes() { on_host -6 route show table local proto 84; }
disable6() { in_ns "$host" sysctl -qw "net.ipv6.conf.d0.disable_ipv6=$1"; }

# The admin's address, and what was the pool's until it was excluded

ctl pool add x dev d0 prefix 10.67.0.1/32
told open a 4 udp >/dev/null
on_host addr add 10.67.0.1/32 dev lo
ctl pool set x exclude +10.67.0.1
on_host addr del 10.67.0.1/32 dev lo
told close a >/dev/null
ctl pool set x exclude -10.67.0.1
check "an address that was excluded and the host's is the pool's again" \
	told open a 4 udp
told close a >/dev/null
ctl pool del x

# The device is down, and the admin puts a leased address on it himself

ctl pool add x dev d0 prefix fd67::100/120
a=$(told_first open a 6 udp)
on_host link set d0 down
on_host addr add "$a/128" dev d0
on_host link set d0 up
sleep 1
check "down: the host's address is on the device" is_hosts "$a"
check "down: the lease's is not" none_ours
on_host addr del "$a/128" dev d0
check "up: when it goes the lease's is put back" \
	wait_for 10 is_ours "$a"
told close a >/dev/null
check "up: and goes with its socket" wait_for 5 none_ours

n=$((64 / factor)) kept=0 rounds=2
for ((i = 0; i < rounds; i++)); do
	told many a $n 6 udp >/dev/null
	mapfile -t leased < <(ours | sed -n 's/.* inet6 \([^/]*\)\/.*/\1/p')
	on_host link set d0 down
	printf 'addr add %s/128 dev d0\n' "${leased[@]}" | on_host -batch -
	on_host link set d0 up &
	told close_many a $n >/dev/null
	wait $!
	sleep 1
	hosts_are $n && kept=$((kept + 1))
	printf 'addr del %s/128 dev d0\n' "${leased[@]}" | on_host -force -batch - 2>/dev/null
done
check "no lease's end takes the host's address off" test $kept = $rounds
ctl pool del x

# IPv6 is switched off and on

set_up
ctl pool add p dev d0 prefix fd68::/64 plumb prefix
check "a prefix is local" is_local fd68::/64
disable6 1
check "without IPv6 it is not" not_local fd68::/64
disable6 0
check "IPv6 is back, and the prefix is" wait_for 5 is_local fd68::/64
on_host link set d0 mtu 1000
check "with a short MTU it is not" not_local fd68::/64
on_host link set d0 mtu 1500
check "with a long one it is" wait_for 5 is_local fd68::/64
ctl pool del p

# A shared lease that rests, and cannot be put on the device

set_up
ctl pool add x dev d0 prefix fd67::100/120 assign bind scope user quarantine 60000
told open a 6 udp >/dev/null
told bind a :: 7 >/dev/null
told close a >/dev/null
check_match "an address rests" "quarantine" ctl lease show pool x
disable6 1
told open a 6 udp >/dev/null
check_fails "and cannot be had without IPv6" ask bind a :: 7
disable6 0
check_match "but goes on resting" "quarantine" ctl lease show pool x
check "and is its user's again" told bind a :: 7
told close a >/dev/null
ctl pool del x force

# The admin's address comes and goes while ours is put on another device

ctl pool add x dev d0 prefix 10.67.0.1/32 prefix 10.67.0.2/31 assign bind scope user \
	quarantine 60000 quota 2
# keep_doing COMMAND...: what ip does, over and over, until stop_doing
keep_doing() {
	rm -f "$work/stop"
	while [ ! -e "$work/stop" ]; do
		printf '%s\n' "$@"
	done | on_host -force -batch - >/dev/null 2>&1 &
	doing=$!
}
stop_doing() {
	touch "$work/stop"
	wait "$doing"
}
keep_doing "addr add 10.67.0.1/32 dev lo" "addr del 10.67.0.1/32 dev lo"
for ((i = 0; i < 200 / factor; i++)); do
	ask open a 4 udp >/dev/null && ask bind a 10.67.0.1 7 >/dev/null
	ask close a >/dev/null
done
stop_doing
on_host addr del 10.67.0.1/32 dev lo 2>/dev/null
told open a 4 udp >/dev/null
check "the quota is not used up by what could not be had" told bind a 10.67.0.1 7
told close a >/dev/null
ctl pool set x scope socket quarantine 0
sleep 1
told open a 4 udp >/dev/null
told open b 4 udp >/dev/null
check "one lease" told bind a 0.0.0.0 7
check "and another, as the quota says" told bind b 0.0.0.0 7
told close a b >/dev/null
ctl pool del x

# A pool comes while its device loses its routes and gets them back

failed=0 left=0 missing=0
mapfile -t prefixes < <(printf 'prefix\nfd69:0:0:%x::/64\n' {1..48})
for ((i = 0; i < 8 / factor; i++)); do
	keep_doing "addr add 10.68.0.1/32 dev d0" "addr del 10.68.0.1/32 dev d0" \
		"link set d0 down" "link set d0 up"
	ctl pool add p dev d0 "${prefixes[@]}" plumb prefix || failed=$((failed + 1))
	stop_doing
	on_host link set d0 up
	wait_for 5 locals_are 48 || missing=$((missing + 1))
	ctl pool del p
	left=$((left + $(routes | wc -l)))
done
check "pools come meanwhile: $failed could not" test $failed = 0
check "and have their prefixes: $missing have not" test $missing = 0
check "and go: $left routes stay" test $left = 0
