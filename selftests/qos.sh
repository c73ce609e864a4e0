#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Quality of service by address: what inet-tupled tells of leases, to the maps of
# this host and to hooks, and what a call through a full link has from it.
#
#	host eth0 ---------- r0 router eth1 ---------- eth0 server
#	10.64.0.2   10.64.0.1               10.70.0.1  10.70.0.2

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl inet-tupled nft tc python3

setup_ns host router server
# shellcheck disable=SC2154	# by setup_ns
link_ns "$host" eth0 "$router" r0
# shellcheck disable=SC2154
link_ns "$router" eth1 "$server" eth0
ip -n "$host" addr add 10.64.0.2/16 dev eth0
ip -n "$host" route add default via 10.64.0.1
ip -n "$router" addr add 10.64.0.1/16 dev r0
ip -n "$router" addr add 10.70.0.1/24 dev eth1
ip -n "$server" addr add 10.70.0.2/24 dev eth0
ip -n "$server" route add default via 10.70.0.1
in_ns "$router" sysctl -qw net.ipv4.ip_forward=1
agent_start
ask ns "$host" >/dev/null

. "$(dirname "$0")/tupled.sh"
mkdir "$work/hooks" "$work/none"

traffic() { exec ip netns exec "$host" python3 "$(dirname "$0")/qos.py" "$@"; }

# The maps, ADDRESS VALUE a line, sorted, the address as the kernel has it
map() {
	in_ns "$host" nft list map inet tuple "$1" | tr -s '\n\t' ' ' |
		sed -n 's/.*elements = { \([^}]*\) }.*/\1/p' | sed 's/, /\n/g; s/ : / /g' | sort
}
map_is() { [ "$(map "$1")" = "$2" ]; }
leases() {
	ctl lease show pool "$1" | sed -n 's/^\([0-9a-f.:]\+\) .*/\1/p' | sort
}

# The maps

ctl pool add voice dev eth0 prefix 10.64.1.0/24 dscp ef priority 0x10010 mark 7
ctl pool add bulk dev eth0 prefix 10.64.2.0/24 dscp cs1
ctl pool add six dev eth0 prefix fd64::100/120 dscp ef mark 9
a=$(told_first open a 4 udp)
tupled_start --hooks "$work/none" --export inet:tuple
check "a lease from before is in the map" within 60 map_is mark4 "$a 0x00000007"
check_output "its priority is a class" "$a 1:10" map priority4
check_output "and its DSCP a number" "$a 0x0000002e" map dscp4
b=$(told_first open b 4 udp)
check "a new one comes" within 60 map_is dscp4 "$(printf '%s 0x0000002e\n' "$a" "$b")"
told move b bulk >/dev/null
b=$(told_first name b)
check "one of a pool with other values has these" within 60 \
	map_is dscp4 "$(printf '%s\n' "$a 0x0000002e" "$b 0x00000008")"
check_output "and none that its pool has not" "$a 0x00000007" map mark4
told open s 6 udp >/dev/null
told move s six >/dev/null
s=$(told_first name s)
check "one of IPv6 has a map of its own" within 60 map_is mark6 "$s 0x00000009"
ctl pool set voice mark 8
check "a pool's mark changes" within 60 map_is mark4 "$a 0x00000008"
told close b >/dev/null
check "a socket closes" within 60 map_is dscp4 "$a 0x0000002e"
in_ns "$host" nft flush ruleset
check "rules are flushed: the maps come again" within 60 map_is mark4 "$a 0x00000008"
tupled_stop TERM
check_output "an agent that is to come again leaves all" "$a 0x00000008" map mark4
told close a >/dev/null
a=$(told_first open a 4 udp)
told open c 4 udp >/dev/null
c=$(told_first name c)
told close a >/dev/null
in_ns "$host" nft add element inet tuple mark4 '{ 10.64.1.99 : 1 }'
tupled_start --hooks "$work/none" --export inet:tuple
check "what is stale goes when it does" within 60 map_is mark4 "$c 0x00000008"
told open d 4 udp >/dev/null
in_ns "$host" nft 'delete map inet tuple mark4; add map inet tuple mark4 { type ipv4_addr : ifname; }'
check "a map that is of no use is told of" within 60 grep -q 'table tuple: Error' "$work/log"
in_ns "$host" nft delete map inet tuple mark4
check "and made anew once it is gone" within 60 \
	map_is mark4 "$(leases voice | sed 's/$/ 0x00000008/')"
check "there are two leases" test "$(leases voice | wc -l)" = 2

# More than the agent's socket has room for, while it is stopped

ctl pool add many dev eth0 prefix 10.65.0.0/16 mark 3 plumb prefix default on
kill -STOP "$tupled"
check "4000 sockets" told many x 4000 4 udp
check "of which 20 stay" told close_many x 3980
told many y 2000 4 udp >/dev/null
told close_many y 2000 >/dev/null
kill -CONT "$tupled"
check "events are lost" within 60 grep -q 'events were lost' "$work/log"
map_is_leases() { [ "$(map mark4 | grep -c ' 0x00000003$')" = 20 ] &&
	[ "$(map mark4 | sed -n 's/ 0x00000003$//p')" = "$(leases many)" ]; }
check "and the map has what is leased" within 60 map_is_leases
tupled_stop INT
check_output "an end for good empties it" "" map mark4
told close >/dev/null
ctl pool del many
ctl pool set voice default on

# A table of one family only, and one that cannot be

tupled_start --hooks "$work/none" --export ip:only
check "a table of IPv4" within 60 in_ns "$host" nft list map ip only mark4
check_fails "has no map of IPv6" in_ns "$host" nft list map ip only mark6
tupled_stop INT
in_ns "$host" nft 'add table inet other; add map inet other mark4 { type ipv4_addr : ifname; }'
check_match "a map of another kind is refused" 'inet table other: Error' \
	eval "! in_ns $host timeout 60 inet-tupled --state $work/state --export other 2>&1"
check_match "and what is no name" "'a; flush ruleset' is no table" eval \
	"in_ns $host inet-tupled --state $work/state --export 'a; flush ruleset'; [ \$? = 2 ]"
in_ns "$host" nft flush ruleset

# A call through a full link: without the agent's word and with it

# shape NAMESPACE DEVICE: two classes of one link, of which all is in the second
shape() {
	tc -n "$1" qdisc add dev "$2" root handle 1: htb default 20
	tc -n "$1" class add dev "$2" parent 1: classid 1:1 htb rate 2mbit
	tc -n "$1" class add dev "$2" parent 1:1 classid 1:10 htb rate 500kbit ceil 2mbit prio 0
	tc -n "$1" class add dev "$2" parent 1:1 classid 1:20 htb rate 1500kbit ceil 2mbit prio 1
	tc -n "$1" qdisc add dev "$2" parent 1:10 handle 10: pfifo limit 100
	tc -n "$1" qdisc add dev "$2" parent 1:20 handle 20: pfifo limit 100
}

full() { tc -n "$1" -s qdisc show dev "$2" | grep -qE 'backlog [0-9]+[A-Za-z]* ([3-9].|100)p'; }

# call NAME NAMESPACE DEVICE COMMAND...: how long its packets take, while that is
# full, in $work/NAME. It begins when COMMAND succeeds: when who is told of its
# address knows it, which takes a slow machine a while.
call() {
	local name=$1 ns=$2 dev=$3 bulk

	shift 3
	traffic bulk 10.70.0.2 & bulk=$!
	within 60 full "$ns" "$dev" || note "the link is not full"
	{
		within 60 "$@" >/dev/null || note "the call was not told of" >&2
		echo
	} | (traffic voice 10.70.0.2 300) >"$work/$name"
	kill "$bulk"
	wait "$bulk" 2>/dev/null
	note "call $name: $(cat "$work/$name")"
}
# A packet that is lost is later than any.
median() { tr ' -' '\n9' <"$work/$1" | sed 's/^9$/9999/' | sort -n | sed -n 150p; }
# third OF THAN: a median less than a third of the other
third() { awk -v a="$(median "$1")" -v b="$(median "$2")" \
	'BEGIN { print a " ms and " b " ms"; exit !(a > 0 && a < b / 3) }'; }
late() { awk -v a="$(median "$1")" 'BEGIN { print a " ms"; exit !(a > 100) }'; }

(in_ns "$server" python3 "$(dirname "$0")/qos.py" server) &
defer kill $!
sleep 2

# A router, which has rules of its own and is told by a hook

shape "$router" eth1
in_ns "$router" tc filter add dev eth1 parent 1: handle 0x10 fw classid 1:10
shown qos.rst "and the router's rules" | in_ns "$router" nft -f -
# The hook goes there by ssh; here a namespace is all that is between.
shown qos.rst "One that tells a router" |
	sed -z "s,ssh .*edge@10\.0\.0\.1,'$work/ssh'," >"$work/hooks/router"
cat >"$work/ssh" <<SSH
#!/bin/sh
exec ip netns exec $router sh -c "\$*"
SSH
chmod +x "$work/hooks/router" "$work/ssh"
check "the hook is the document's" grep -q "^	'$work/ssh' nft " "$work/hooks/router"
told_router() { in_ns "$router" nft list map inet edge mark4 | grep -c "$1"; }
call router-without "$router" eth1 true
check "a router that knows nothing keeps a call waiting" late router-without
tupled_start --hooks "$work/hooks"
call router-with "$router" eth1 told_router '10\.64\.1\.'
check "one that a hook tells does not" third router-with router-without
check_output "what is not leased it has forgotten" 0 eval 'told_router "10\.64\." || :'
told open a 4 udp >/dev/null
told move a voice >/dev/null
a=$(told_first name a)
check "a lease is told of" within 60 told_router "$a"
tupled_stop TERM
in_ns "$router" nft flush map inet edge mark4
tupled_start --hooks "$work/hooks"
check "a new agent tells of it again" within 60 told_router "$a : 0x00000010"
tupled_stop INT
check_output "and at its end for good that there is nothing more" 0 eval \
	'told_router "10\.64\." || :'
told close a >/dev/null
tc -n "$router" qdisc del dev eth1 root

# This host, whose rules look into the map

shape "$host" eth0
tc -n "$host" filter add dev eth0 protocol arp parent 1: matchall classid 1:10
shown qos.rst "maps that its rules use" | in_ns "$host" nft -f -
call host-without "$host" eth0 true
check "programs that mark their packets themselves share a queue" late host-without
tupled_start --hooks "$work/none" --export inet:tuple
told_host() { map mark4 | grep -q '^10\.64\.1\.'; }
call host-with "$host" eth0 told_host
check "with the map the address decides" third host-with host-without
tupled_stop TERM
