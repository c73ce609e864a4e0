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

ports=100 connections=$(fewer 1000) seconds=$((60 * factor))
if [ -n "${INET_TUPLE_LONG:-}" ]; then
	connections=40000 seconds=$((600 * factor))
	ports=$(in_ns "$host" sysctl -n net.ipv4.ip_local_port_range |
		awk '{ print $2 - $1 + 1 }')
else
	in_ns "$host" sysctl -qw net.ipv4.ip_local_port_range="40000 40099"
fi

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
wrk_start() {
	local n=$1
	shift

	ip netns exec "$host" "$@" wrk -t 1 -c "$n" -d $seconds --timeout 10s \
		http://10.64.0.2/slow >"$work/wrk" 2>&1 &
	wrk=$!
}
wrk_stop() {
	kill -INT $wrk
	wait $wrk
	note "$(cat "$work/wrk")"
}

# One port is lost to its trial whether there is a server at all; the listener
# and all others are sockets in use.
wanted=$((ports + ports / 10))
wrk_start $wanted
wait_for $seconds all_there "$ports"
sleep 2
n=$(established)
wrk_stop
check "ordinary sockets: $n connections of $wanted, with $ports ports" \
	test "$n" -le "$ports" -a "$n" -ge $((ports - 1))
check_match "ordinary sockets: the others are refused" "connect $((wanted - n))," \
	cat "$work/wrk"

tuplectl -N "$host" pool set many default on
wrk_start "$connections" tuplerun
wait_for $seconds all_there "$connections"
check "tuple sockets: $connections connections" test "$(established)" = "$connections"
check "tuple sockets: by $connections addresses" addresses "$connections" "$many" \
	<"$work/ss"
wrk_stop
check "tuple sockets: none is refused" \
	eval "! grep -E '(connect|read|write) [1-9]' '$work/wrk'"
check_match "tuple sockets: requests are answered" '^ +[1-9][0-9]* requests in' \
	cat "$work/wrk"
