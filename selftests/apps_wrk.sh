#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# More connections from one host to one port of another than an address has
# ports. The everyday test has few ports, the long one all that there are.

. "$(dirname "$0")/lib.sh"
need tuplerun tuplectl nginx wrk ss
. "$(dirname "$0")/apps.sh"

nginx_conf web "80 backlog=50000"
in_ns "$peer" sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
serve nginx -c "$work/web.conf"
reachable 80 || skip_all "no nginx"

# of nginx.conf's worker_connections all but a sixteenth
server_room=$((50000 * 15 / 16))
connections=$(fewer 1000) seconds=$((60 * factor))
low=40000 high=40099 window=100
if [ -n "${INET_TUPLE_LONG:-}" ]; then
	connections=40000 seconds=$((1200 * factor)) window=1000
	read -r low high < <(in_ns "$host" sysctl -n net.ipv4.ip_local_port_range)
	# of more orphans than that the server is told nothing, and keeps its end
	orphans=$(sysctl -n net.ipv4.tcp_max_orphans)
	defer sysctl -qw net.ipv4.tcp_max_orphans="$orphans"
	sysctl -qw net.ipv4.tcp_max_orphans=262144
	# All connections end at once. Before 6.5 what they send then waits until
	# ksoftirqd has its turn, there is place for 1000 on a processor, and one that
	# finds none eight times, in four seconds, is given up: the server is not told.
	backlog=$(sysctl -n net.core.netdev_max_backlog)
	defer sysctl -qw net.core.netdev_max_backlog="$backlog"
	sysctl -qw net.core.netdev_max_backlog=100000
fi
ports=$((high - low + 1))

range() { in_ns "$host" sysctl -qw net.ipv4.ip_local_port_range="$1 $2"; }

# as the peer's kernel has it
established() {
	in_ns "$peer" ss -Hnt state established sport = :80 >"$work/ss"
	wc -l <"$work/ss"
}
# all_there N: roughly, which costs less than to count them
all_there() {
	sleep 0.5
	[ "$(in_ns "$peer" sed -n 's/^TCP: inuse \([0-9]*\).*/\1/p' /proc/net/sockstat)" -ge "$1" ]
}

# wrk_start N [COMMAND]...: with that in front of it. It says what it had when it
# is interrupted.
wrks=()
wrk_start() {
	local n=$1
	shift

	said=$work/wrk.${#wrks[@]}
	ip netns exec "$host" "$@" wrk -t 1 -c "$n" -d $seconds --timeout 10s \
		http://10.64.0.2/slow >"$said" 2>&1 &
	wrks+=($!)
}
wrk_stop() {
	kill -INT "${wrks[@]}"
	wait "${wrks[@]}"
	wrks=()
	note "$(cat "$said")"
}

# A host that has few ports left asks them all, one by one, for each connection:
# so they are used up a window at a time, and only the last wrk has all of them
# to choose from, and more to ask for. Each needs one for its trial whether there
# is a server at all.
asked=0 windows=$(((ports + window - 1) / window))
for ((first = low; first <= high; first += window)); do
	last=$((first + window - 1))
	if [ $last -lt "$high" ]; then
		range $first $last
		n=$((window - 1))
	else
		range "$low" "$high"
		n=$((high - first + 1 + windows + 20))
	fi
	wrk_start $n
	asked=$((asked + n))
	wait_for $seconds all_there $((asked < ports ? asked : ports - windows)) || break
done
# The last ones look at all ports before they know that there is none.
sleep $((20 * factor))
n=$(established)
wrk_stop
check "ordinary sockets: $n connections of $asked, with $ports ports" \
	test "$n" -le "$ports" -a "$n" -ge $((ports - windows - 1))
refused=$(sed -n 's/.* connect \([0-9]*\),.*/\1/p' "$said")
check "ordinary sockets: the others are refused: ${refused:-none}" \
	test "${refused:-0}" -ge 20 -a $((asked - ${refused:-0})) -le "$ports"

# The server may be behind with closing them, and of some it never hears: a client that
# gives up before it is answered has nothing to end.
none_left() { sleep 2; [ "$(established)" = 0 ]; }
wait_for $((30 * factor)) none_left
left=$(established)
# With more it ends idle ones to have room, and they would never all be there.
check "ordinary sockets: they end, and leave room: ${left:-?} are left" \
	test "$left" -le $((server_room - connections)) || exit
tuplectl -N "$host" pool set many default on
# What is left goes with time.
many_there() {
	all_there "$connections" && established >/dev/null &&
		[ "$(grep -cE "$many" "$work/ss")" -ge "$connections" ]
}
start=$SECONDS
wrk_start "$connections" tuplerun
wait_for $seconds many_there
took=$((SECONDS - start))
established >/dev/null
check "tuple sockets: $connections connections, in $took s" \
	test "$(grep -cE "$many" "$work/ss")" = "$connections"
check "tuple sockets: by $connections addresses" addresses "$connections" "$many" \
	<"$work/ss"
check "tuple sockets: more than there are ports" test "$connections" -gt "$ports"
note "memory: $(sed -n 's/^MemAvailable: *//p' /proc/meminfo) are left"
wrk_stop
check "tuple sockets: none is refused" \
	eval "! grep -E '(connect|read|write) [1-9]' '$said'"
check_match "tuple sockets: requests are answered" '^ +[1-9][0-9]* requests in' \
	cat "$said"
