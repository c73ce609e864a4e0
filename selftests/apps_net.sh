#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Clients and servers of other protocols as they come from the distribution,
# run by tuplerun: which addresses does the other side see?

. "$(dirname "$0")/lib.sh"
need tuplerun tuplectl getent iperf3 dig dnsmasq redis-server redis-benchmark redis-cli ss
. "$(dirname "$0")/apps.sh"

# iperf3: a control connection, and one for each stream, of which the server
# tells in JSON

# iperf NAME ARGUMENT...: four streams, by five addresses
iperf() {
	local name=$1
	shift

	ip netns exec "$peer" iperf3 -s -1 -J >"$work/iperf" 2>&1 &
	reachable 5201
	check "iperf3, $name" run iperf3 -c 10.64.0.2 -P 4 -t 1 "$@"
	wait $!
	check "iperf3, $name: 5 addresses" seen_only "$work/iperf" \
		'"(remote_)?host":' 5 "$few"
}
iperf "TCP"
iperf "TCP, the other way" -R
iperf "UDP" -u -b 1M
iperf "UDP, the other way" -R -u -b 1M

# An address for each of a server's sockets would be too many here: clients
# expect the streams where the control connection is.
serve_here --scope process --pool many iperf3 -s -4 -1
wait_for $((20 * factor)) listens "$host" 5201
at=$(tuplectl -N "$host" lease show pool many | grep -oE "^$many")
check_match "iperf3: a server with an address ($at)" 'receiver$' \
	there iperf3 -c "$at" -t 1
serve_here --scope process --pool many iperf3 -s -4 -1
wait_for $((20 * factor)) listens "$host" 5201
at=$(tuplectl -N "$host" lease show pool many | grep active | grep -oE "^$many")
check_match "iperf3: the same with UDP ($at)" 'receiver$' \
	there iperf3 -c "$at" -t 1 -u -b 1M -P 2

# dig and dnsmasq

dns() {
	"$@" dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root \
		--address=/example/10.64.9.9 --log-queries --log-facility="$work/dns"
}
dns serve
reachable 53
names=$(seq -f 'n%g.example' 10)
check "dig: 10 questions over UDP" eval "run dig +short @10.64.0.2 $(xargs <<<"$names") |
	grep -c '^10.64.9.9$' | grep -qx 10"
check "dig: by 10 addresses" seen_only "$work/dns" 'query\[A\] n' 10 "$few"
check "dig: 5 questions over TCP" eval "run dig +tcp +short @10.64.0.2 t{1..5}.example |
	grep -c '^10.64.9.9$' | grep -qx 5"
check "dig: by 5 addresses" seen_only "$work/dns" 'query\[A\] t' 5 "$few"

# The C library's own questions: preloading leaves them alone, seccomp cannot

touch /etc/resolv.conf
mkdir -p "/etc/netns/$host"
echo 'nameserver 10.64.0.2' >"/etc/netns/$host/resolv.conf"
defer rm -rf "/etc/netns/$host"
leased() { tuplectl -N "$host" lease show pool few | grep -c '^10'; }
before=$(leased)
check_match "getaddrinfo, preload: a name" '^10.64.9.9 ' run getent ahosts a1.example
check "getaddrinfo, preload: asked by the host" grep -q 'a1.example from 10.64.0.1$' \
	"$work/dns"
check "getaddrinfo, preload: takes no address" test "$(leased)" -le "$before"
check_match "getaddrinfo, seccomp: a name" '^10.64.9.9 ' \
	run --seccomp getent ahosts a2.example
check "getaddrinfo, seccomp: not asked by the host" none_seen "$work/dns" a2.example
check_match "getaddrinfo, seccomp: but by an address" "a2.example from $few\$" \
	cat "$work/dns"
check_match "getaddrinfo, seccomp, --scope process: a name" '^10.64.9.9 ' \
	run --seccomp --scope process getent ahosts a3.example
check "getaddrinfo, seccomp, --scope process: takes one" \
	seen_only "$work/dns" a3.example 1 "$few"

# One for UDP and TCP, as clients expect. It wants to find that on a device.
dns serve_here --scope process --pool few
dns_lease() {
	tuplectl -N "$host" lease show pool few |
		awk '/^[^ ]/ { at = $1 } /port 53 / { print at; exit }' | grep .
}
wait_for $((20 * factor)) dns_lease
at=$(dns_lease)
check_output "dnsmasq: has an address ($at)" 10.64.9.9 \
	there dig +short "@$at" a.example
check_output "dnsmasq: and the same for TCP" 10.64.9.9 \
	there dig +tcp +short "@$at" b.example

# redis: a server that writes down who comes, and two of them on one port

redis=(redis-server --save '' --dir "$work" --protected-mode no)
serve "${redis[@]}" --loglevel verbose --logfile "$work/redis"
reachable 6379
check_match "redis-benchmark: 50 clients" 'PING_INLINE: [0-9.]+ requests' \
	run redis-benchmark -q -h 10.64.0.2 -c 50 -n 500 -t ping_inline
clients() { [ "$(grep Accepted "$work/redis" | grep -oE "$few" | sort -u | wc -l)" -ge 50 ]; }
check "redis-benchmark: by 50 addresses at least" clients
check "redis-benchmark: not by the host's" none_seen "$work/redis" Accepted
for name in one two; do
	serve_here --pool many "${redis[@]}" --bind 0.0.0.0 --pidfile "$work/$name.pid" \
		--logfile "$work/redis-$name"
done
two_listen() { [ "$(tuplectl -N "$host" lease show pool many | grep -c "port 6379")" = 2 ]; }
check "redis-server: two of them on one port" wait_for $((20 * factor)) two_listen
shown=$(tuplectl -N "$host" lease show pool many | grep -B 1 "port 6379")
note "$shown"
mapfile -t at < <(grep -oE "^$many" <<<"$shown")
check "redis-server: with an address each (${at[*]})" test "${at[0]}" != "${at[1]}"
there redis-cli -h "${at[0]}" set who one >"$work/answers"
there redis-cli -h "${at[1]}" set who two >>"$work/answers"
check_output "redis-server: each has its own data" $'one\ntwo' eval \
	"there redis-cli -h ${at[0]} get who; there redis-cli -h ${at[1]} get who"
check_output "redis-server: tuplectl tells both" 2 eval \
	"grep -cE 'tcp +LISTEN +port 6379 +peer - +user root users:\(\(\"redis-server\",pid=' <<<'$shown'"
