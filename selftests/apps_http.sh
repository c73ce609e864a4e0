#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Clients and servers of HTTP as they come from the distribution, run by
# tuplerun: how many addresses does the other side see?

. "$(dirname "$0")/lib.sh"
need tuplerun tuplectl curl nginx hey busybox python3 ss
. "$(dirname "$0")/apps.sh"

nginx_conf web 80 "[::]:80"
serve nginx -c "$work/web.conf"
reachable 80 || skip_all "no nginx"
log=$work/web.log

# curl: one process that opens a connection for each request

n=$(fewer 100)
check "curl: $n requests" run curl -s -o /dev/null -H 'Connection: close' \
	"http://10.64.0.2/curl[1-$n]"
check "curl: by $n addresses" seen_only "$log" /curl "$n" "$few"
check "curl: 10 at once" run curl -s -o /dev/null --parallel --parallel-immediate \
	-H 'Connection: close' 'http://10.64.0.2/together[1-10]'
check "curl: by 10 addresses" seen_only "$log" /together 10 "$few"
check "curl: IPv6" run curl -s -o /dev/null -H 'Connection: close' \
	'http://[fd64::2]/six[1-10]'
check "curl: by 10 addresses of IPv6" seen_only "$log" /six 10 'fd64::4:[0-9a-f]+'
check "curl: --scope process" run --scope process curl -s -o /dev/null \
	-H 'Connection: close' 'http://10.64.0.2/one[1-10]'
check "curl: by one address" seen_only "$log" /one 1 "$few"

# Programs that preloading does not reach

wgets() {
	local i

	for ((i = 0; i < $1; i++)); do
		run busybox wget -qO /dev/null "http://10.64.0.2/wget$i" || return
	done
}
n=$(fewer 8)
check "busybox: $n runs of a static wget" wgets "$n"
check "busybox: by $n addresses" seen_only "$log" /wget "$n" "$few"
n=$(fewer 40)
check_match "hey, of Go: $n at once" '\[200\].[0-9]+ responses' \
	run hey -n $((n * 5)) -c "$n" http://10.64.0.2/go
check "hey: each connection by an address of its own" each_own "$log" /go "$n" "$few"
check_match "hey: $n requests, each by a connection" "\\[200\\].$n responses" \
	run hey -n "$n" -c 5 -disable-keepalive http://10.64.0.2/hey
check "hey: by $n addresses" seen_only "$log" /hey "$n" "$few"

# Python

n=$(fewer 48)
cat >"$work/client.py" <<'PY'
import http.client, sys
connections = [http.client.HTTPConnection('10.64.0.2') for _ in range(int(sys.argv[1]))]
for c in connections:
    c.request('GET', '/client')
for c in connections:
    assert c.getresponse().read().decode().split() == [c.sock.getsockname()[0], '10.64.0.2']
PY
cat >"$work/aio.py" <<'PY'
import asyncio, sys
async def one():
    reader, writer = await asyncio.open_connection('10.64.0.2', 80)
    writer.write(b'GET /asyncio HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    text = (await reader.read()).decode()
    assert text.split()[-2] == writer.get_extra_info('sockname')[0]
    writer.close()
async def main():
    await asyncio.gather(*[one() for _ in range(int(sys.argv[1]))])
asyncio.run(main())
PY
check "python: $n connections of http.client" run python3 "$work/client.py" "$n"
check "python: by $n addresses" seen_only "$log" /client "$n" "$few"
check "python: $n connections of asyncio" run python3 "$work/aio.py" "$n"
check "python: by $n addresses of asyncio" seen_only "$log" /asyncio "$n" "$few"

# Servers: two of them have the same port, and an address each

for name in a b; do
	nginx_conf $name 80
	serve_here --pool many nginx -c "$work/$name.conf"
done
leases() { tuplectl -N "$host" -j lease show pool many; }
# who PID: the address of the listener that this process holds
who() {
	leases | python3 -c 'import json, sys
for lease in json.load(sys.stdin):
    for s in lease["sockets"]:
        pids = [o["pid"] for o in s["owners"]]
        if s["state"] == "LISTEN" and int(sys.argv[1]) in pids:
            print(lease["address"])' "$1"
}
two_listen() { [ "$(tuplectl -N "$host" lease show pool many | grep -c LISTEN)" = 2 ]; }
wait_for $((20 * factor)) two_listen
a=$(who "$(cat "$work/a.pid")")
b=$(who "$(cat "$work/b.pid")")
check "nginx: two of them, an address each ($a, $b)" test -n "$a" -a -n "$b" -a "$a" != "$b"
for at in "$a" "$b"; do
	check_output "nginx: $at is there, on port 80" "10.64.0.2 $at" \
		there curl -s "http://$at/"
done
check "nginx: each has its own requests" grep -q "^10.64.0.2 $a " "$work/a.log"
check "nginx: and not those of the other" eval "! grep -F '$b' '$work/a.log'"
check_match "nginx: tuplectl tells who has the address" \
	"tcp +LISTEN +port 80 +peer - +user root users:\(.*\"nginx\",pid=$(cat "$work/a.pid"),fd=" \
	tuplectl -N "$host" lease show address "$a"
check "nginx: reload" kill -HUP "$(cat "$work/a.pid")"
check_output "nginx: keeps the address when it reloads" "10.64.0.2 $a" \
	there curl -s "http://$a/"
check_match "nginx: a client with an address for a server with an address" \
	"^$few $b\$" run curl -s "http://$b/"
