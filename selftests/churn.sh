#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Everything at once, on all processors, for a while: sockets of all kinds come
# and go while pools, devices and namespaces are made, changed and ended under
# them. Nothing may be left of it.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl python3

seconds=20
[ -z "${INET_TUPLE_LONG:-}" ] || seconds=80
here=$(cd "$(dirname "$0")" && pwd)
setup_ns host peer
# shellcheck disable=SC2154	# by setup_ns
link_ns "$host" eth0 "$peer" eth0
ip -n "$host" -batch - <<'IP'
addr add 10.64.0.1/24 dev eth0
addr add fd64::1/64 dev eth0 nodad
link add d0 type dummy
link set d0 up
IP
# shellcheck disable=SC2154
ip -n "$peer" -batch - <<'IP'
addr add 10.64.0.2/24 dev eth0
addr add fd64::2/64 dev eth0 nodad
route add 10.65.0.0/24 dev eth0
IP
work=$(mktemp -d)
defer rm -rf "$work"
before=$(ip -n "$host" -br addr show dev eth0 | tr -s ' ')

# The configuration, over and over, in different order: what is refused because
# another was quicker is none of our business, -f goes on.
cat >"$work/make" <<'BATCH'
pool add a4 dev eth0 prefix 10.64.0.64/26 quarantine 20
pool add a6 dev eth0 prefix fd64::100/120 quarantine 0
pool add p4 dev eth0 prefix 10.65.0.0/24 plumb prefix scope process quarantine 10
pool add p6 dev eth0 prefix fd65::/64 plumb prefix assign bind quarantine 0
pool add d4 dev d0 prefix 10.66.0.0/24 wait 20 quarantine 10
pool add d6 dev d0 prefix fd66::/124 scope user quarantine 50
rule add uid 0 pool d4
BATCH
cat >"$work/change" <<'BATCH'
pool set a4 default on
pool set a4 prefix +10.67.0.0/28 exclude +10.67.0.5
pool set p4 default on scope socket
pool set p6 default on state draining
pool set a6 order random quota 30
rule del uid 0 pool d4
pool set a4 exclude -10.67.0.5 prefix -10.67.0.0/28
pool set p4 prefix +10.68.0.0/24
pool set p6 state active
pool set d6 default on
pool set d4 default on order random
rule add uid 0 pool p4
pool set p4 prefix -10.68.0.0/24 scope process
pool set a6 default on quota unlimited
pool del p4 force
lease show
pool del d6 force
pool show
pool set a4 state draining
pool del p6
lease kill 10.64.0.70
pool set a4 state active
pool del a6 force
BATCH

# until the time is over: COMMAND...
over=$((SECONDS + seconds))
repeat() {
	local n=0

	while [ $SECONDS -lt $over ]; do
		"$@" >/dev/null 2>&1
		n=$((n + 1))
	done
	echo "$n times $1"
}
makes() { tuplectl -N "$host" -f -b "$work/make"; sleep 0.3; }
changes() { tuplectl -N "$host" -f -b "$work/change"; sleep 0.3; }
devices() {
	ip -n "$host" link set eth0 down
	ip -n "$host" link set eth0 up
	ip -n "$host" addr replace fd64::1/64 dev eth0 nodad
	ip -n "$host" link del d0
	ip -n "$host" link add d0 type dummy
	ip -n "$host" link set d0 up
	ip -n "$host" addr add 10.64.0.75/32 dev d0
	ip -n "$host" addr del 10.64.0.72/32 dev eth0
	ip -n "$host" addr del 10.64.0.75/32 dev d0
	sleep 1
}
namespaces() {
	ip netns add "c$$"
	ip -n "c$$" link add d0 type dummy
	ip -n "c$$" link set d0 up
	tuplectl -N "c$$" pool add a dev d0 prefix 10.64.0.0/24 prefix fd64::/64
	tuplectl -N "c$$" pool add b dev d0 prefix 10.65.0.0/24 plumb prefix
	ip netns exec "c$$" timeout 3 python3 "$here/agent.py" churn 1 $RANDOM \
		10.64.0.2 fd64::2 &
	sleep 0.7
	ip netns del "c$$"
	wait $!
	sleep 1
}
# In use, it says no; if not, it takes all with it, and comes back.
unloads() {
	if rmmod inet_tuple; then
		modprobe inet_tuple
		makes
	fi
	sleep 1
}
makes >/dev/null 2>&1
workers=()
for i in 1 2; do
	in_ns "$host" python3 "$here/agent.py" churn "$seconds" $i 10.64.0.2 fd64::2 \
		>"$work/worker$i" 2>&1 &
	workers+=($!)
done
for what in makes changes devices namespaces unloads; do
	repeat $what >"$work/$what" 2>&1 &
	workers+=($!)
done
# ends with the module it listens to, or not; begun anew all the time
repeat timeout 3 tuplectl -N "$host" -j monitor >"$work/monitor" 2>&1 &
workers+=($!)
wait "${workers[@]}"
for file in "$work"/worker? "$work"/{makes,changes,devices,namespaces,unloads,monitor}; do
	note "${file##*/}: $(cat "$file")"
done
for i in 1 2; do
	check_match "worker $i had sockets" "^ok [1-9]" cat "$work/worker$i"
done

# All of them are closed: what is left rests, or TCP's last word is waited for.
ip netns del "c$$" 2>/dev/null
modprobe inet_tuple
none_held() { ! tuplectl -N "$host" pool show | grep -q "in_use [1-9]"; }
check "no lease is held" wait_for 10 none_held
tuplectl -N "$host" pool show | sed -n 's/^\([a-z]\)/# \1/p'
del_all() {
	local name

	tuplectl -N "$host" save | awk '$1 == "pool" { print $3 }' |
		while read -r name; do
			tuplectl -N "$host" pool del "$name" || return
		done
}
check "the pools are deleted" del_all
check "no pool is left" eval "! tuplectl -N $host save | grep '^pool'"
addresses() { ip -n "$host" -br addr show dev eth0 | tr -s ' '; }
check_output "the device has the addresses it had" "$before" addresses
check "no prefix is left" test -z "$(ip -n "$host" route show table local proto 84
	ip -n "$host" -6 route show table local proto 84)"
unreferenced() { [ "$(cat /sys/module/inet_tuple/refcnt)" = 0 ]; }
check "nothing holds the module" wait_for 15 unreferenced
check "it is unloaded" rmmod inet_tuple
check "no slab is left" eval "! grep ^inet_tuple /proc/slabinfo"
check "and loads" modprobe inet_tuple
