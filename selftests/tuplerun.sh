#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that know nothing of tuple sockets, run by tuplerun, as a peer in
# another namespace sees them.

. "$(dirname "$0")/lib.sh"
need tuplerun tuplectl inet-tupled python3 curl busybox setpriv

work=$(mktemp -d)
defer rm -rf "$work"
chmod 755 "$work"
cp "$(dirname "$0")/tuplerun_static" "$work/static" 2>/dev/null ||
	skip_all "tuplerun_static is not built"
chmod 755 "$work/static"
static=$work/static

setup_ns host peer
# shellcheck disable=SC2154	# by setup_ns
link_ns "$host" eth0 "$peer" eth0
ip -n "$host" addr add 10.64.0.1/24 dev eth0
ip -n "$host" addr add fd64::1/64 dev eth0 nodad
# shellcheck disable=SC2154
ip -n "$peer" addr add 10.64.0.2/24 dev eth0
ip -n "$peer" addr add fd64::2/64 dev eth0 nodad

# Answers each request with the address it comes from
cat >"$work/server.py" <<'PY'
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].replace('::ffff:', '').encode() + b'\n')
    def log_message(self, *args): pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
Server(('::', 80), Handler).serve_forever()
PY
background ip netns exec "$peer" python3 "$work/server.py"
url=http://10.64.0.2/
url6='http://[fd64::2]/'
here() { in_ns "$host" timeout 60 "$@"; }
run() { here tuplerun "$@"; }
ctl() { tuplectl -N "$host" "$@"; }
wait_for 20 here curl -s $url || skip_all "no server"

# status NUMBER COMMAND...: it ends with that
status() {
	local wanted=$1 got=0
	shift

	"$@" || got=$?
	echo "status $got"
	[ $got = "$wanted" ]
}
# different N REGEX: that many lines, all different, and all match
different() {
	local lines
	lines=$(sort -u)

	echo "$lines"
	[ "$(grep -cE "$2" <<<"$lines")" = "$1" ] && [ "$(wc -l <<<"$lines")" = "$1" ]
}
pool_p='^10\.64\.0\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])$'
pool_q='^10\.64\.0\.1(2[89]|3[0-9]|4[0-3])$'

# Before there is a pool

check_match "no pool: one line" "^tuplerun: there is no pool$" status 125 run true
check_match "no pool, --fallback: said" "sockets are ordinary ones$" run --fallback true
check "no pool, --fallback: once" test 1 = \
	"$(run --fallback sh -c "curl -s $url; curl -s $url" 2>&1 | grep -c ordinary)"
check_match "no pool, --fallback: an ordinary socket" '^10\.64\.0\.1$' \
	run --fallback curl -s $url
check_match "no pool, --fallback --seccomp: as well" '^10\.64\.0\.1$' \
	run --fallback --seccomp curl -s $url

ctl -b - <<'BATCH'
pool add p dev eth0 prefix 10.64.0.64/26 prefix fd64::100/120 quarantine 0 order lru
pool add q dev eth0 prefix 10.64.0.128/28 quarantine 0
pool add w dev eth0 prefix 10.64.0.200/31 quarantine 0 wait 3000
BATCH

# By preloading

many() { for _ in 1 2 3 4 5; do "$@"; done; }
check "preload: 5 runs of curl, 5 addresses" eval \
	"many run curl -s $url | different 5 '$pool_p'"
check "preload: 5 requests of a shell, 5 addresses" eval \
	"run sh -c 'for i in 1 2 3 4 5; do curl -s $url; done' | different 5 '$pool_p'"
cat >"$work/many.py" <<'PY'
import socket, sys, threading
sockets = []
def one():
    s = socket.create_connection(('10.64.0.2', 80))
    sockets.append(s)
    print(s.getsockname()[0] + '\n', end='')
threads = [threading.Thread(target=one) for _ in range(int(sys.argv[1]))]
for t in threads: t.start()
for t in threads: t.join()
PY
check "preload: 10 threads of python, 10 addresses" eval \
	"run python3 '$work/many.py' 10 | different 10 '$pool_p'"
check_match "preload: IPv6" '^fd64::1..?$' run curl -s "$url6"
check_match "preload: an exec chain" "$pool_p" \
	run env nice sh -c "exec timeout 30 curl -s $url"
check_match "what preloading does not reach is left alone" '^10\.64\.0\.1$' \
	run --preload busybox wget -qO- $url
check_match "LD_PRELOAD is kept" '/libtuplerun_preload.so:/lib/other.so$' \
	run sh -c "LD_PRELOAD=/lib/other.so exec tuplerun printenv LD_PRELOAD 2>/dev/null"
LD_PRELOAD=libm.so.6 check_match "LD_PRELOAD of the caller is kept" ':libm.so.6$' \
	run printenv LD_PRELOAD

# By seccomp

check_match "seccomp: a static wget" "$pool_p" run busybox wget -qO- $url
check_match "seccomp: a static nc" "$pool_p" run busybox sh -c \
	"printf 'GET / HTTP/1.0\r\n\r\n' | busybox nc 10.64.0.2 80"
check "seccomp: 8 sockets, 8 addresses" eval \
	"run '$static' names 8 | different 8 '$pool_p'"
check "seccomp: a dynamic program" eval \
	"run --seccomp python3 '$work/many.py' 10 | different 10 '$pool_p'"
check_match "seccomp: IPv6" '^fd64::1..?$' run --seccomp curl -s "$url6"
check_output "seccomp: 4 threads, with signals" "2: 80" run "$static" threads 4 20 2
check_output "seccomp: 20 processes" "2: 20" run "$static" fork 20 2
check "seccomp: without privileges" eval "here setpriv --reuid 1000 --regid 1000 \
	--clear-groups tuplerun '$static' names 3 | different 3 '$pool_p'"
check_match "preload below seccomp" "$pool_q" \
	run --seccomp tuplerun --pool q curl -s $url
check_match "another network namespace is left alone" '^10\.64\.0\.2$' \
	run --seccomp ip netns exec "$peer" curl -s $url

# A pool that makes its callers wait holds up those who wait, and nobody else
cat >"$work/wait.py" <<'PY'
import socket, threading, time
held = [socket.socket() for _ in range(2)]
late = []
t = threading.Thread(target=lambda: late.append(socket.socket()))
t.start()
time.sleep(0.3)
start = time.monotonic()
try:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
except OSError as e:
    print(e.errno, time.monotonic() - start < 1)
held[0].close()
t.join()
print(late[0].getsockname()[0] in ('10.64.0.200', '10.64.0.201'))
PY
for way in preload seccomp; do
	check_output "$way: one waits for an address, another does not" \
		$'11 True\nTrue' run --$way --pool w python3 "$work/wait.py"
done

# --pool

for way in preload seccomp; do
	check_match "$way: --pool" "$pool_q" run --$way --pool q curl -s $url
	check_match "$way: --pool without IPv6: EAFNOSUPPORT" '^97$' \
		run --$way --pool q python3 -c 'import socket
try: socket.socket(socket.AF_INET6)
except OSError as e: print(e.errno)'
	check_match "$way: --pool without IPv6, --fallback: an ordinary one" '^fd64::1$' \
		run --$way --pool q --fallback curl -s "$url6"
	check_match "$way: no such pool: one line" \
		"^tuplerun: pool 'nil': there is no pool of that name$" \
		status 125 run --$way --pool nil true
	ctl pool add gone dev eth0 prefix 10.64.0.160/30
	check "$way: a pool that goes: EADDRNOTAVAIL, said once" test \
		"99 99 tuplerun: there is no pool 'gone'" = "$(run --$way --pool gone \
		python3 -c 'import socket, subprocess, sys
subprocess.run(["tuplectl", "pool", "del", "gone"])
for _ in range(2):
    try: socket.socket()
    except OSError as e: print(e.errno)' 2>&1 | sort | xargs -d '\n')"
	ctl pool del gone 2>/dev/null
done

# --scope process

for way in preload seccomp; do
	run --$way --scope process sh -c "
		for i in 1 2 3; do curl -s $url; done" >"$work/one"
	run --$way --scope process sh -c "curl -s $url" >>"$work/one"
	check "$way: --scope process: one address, and another one the next time" eval \
		"head -n 3 '$work/one' | different 1 '$pool_p' && different 2 '$pool_p' <'$work/one'"
	check_output "$way: --scope process --pool: 4 threads, one address" 1 eval \
		"run --$way --scope process --pool q python3 '$work/many.py' 4 | uniq | wc -l"
	here sh -c "exec tuplerun --$way --scope process --pool q sh -c '
		for i in 1 2; do sleep 0.3; curl -s $url; done >$work/closed' <&- >&-"
	check "$way: --scope process: one address, by a caller without descriptors" eval \
		"[ \$(wc -l <'$work/closed') = 2 ] && different 1 '$pool_q' <'$work/closed'"
done
in_use_none() { ctl pool show "$1" | grep -q "in_use 0 "; }
check "nobody holds an address in the end" wait_for 10 in_use_none p
check "nor of another pool" wait_for 10 in_use_none q

# Exit statuses and signals

check_output "not found: 127 and one line" \
	$'tuplerun: no-such-command: No such file or directory\nstatus 127' \
	status 127 run no-such-command
check_output "not executable: 126 and one line" \
	$'tuplerun: /etc/passwd: Permission denied\nstatus 126' status 126 run /etc/passwd
check "wrong usage: 125" status 125 run --scope none true
for way in preload seccomp; do
	check "$way: the command's status" status 7 run --$way sh -c 'exit 7'
	check "$way: its death" status 143 run --$way sh -c 'kill $$'
	# the process is ip's, then tuplerun's, then the command's
	ip netns exec "$host" tuplerun --$way sh -c "trap 'exit 9' TERM; touch $work/up-$way
		for i in 1 2 3 4 5 6 7 8 9; do sleep 1; done" &
	wait_for 10 test -e "$work/up-$way"
	kill $!
	got=0
	wait $! || got=$?
	check "$way: a signal reaches the command ($got)" test $got = 9
done
no_supervisor() { ! pgrep -x tuplerun; }
check "no supervisor is left" wait_for 10 no_supervisor

# Without the module, which nobody loads

modprobe=$(sysctl -n kernel.modprobe)
defer sysctl -qw "kernel.modprobe=$modprobe"
sysctl -qw kernel.modprobe=/bin/false
check "the module is unloaded" wait_for 30 rmmod inet_tuple
missing="the kernel module inet_tuple is not loaded"
check_output "no module: 125 and one line" "tuplerun: $missing"$'\nstatus 125' \
	status 125 run true
check_output "no module, --pool: as well" "tuplerun: pool 'p': $missing"$'\nstatus 125' \
	status 125 run --pool p true
for way in preload seccomp; do
	check_output "no module, --$way --fallback: an ordinary socket, said once" \
		"tuplerun: $missing: sockets are ordinary ones"$'\n10.64.0.1\n10.64.0.1' \
		run --$way --fallback sh -c "curl -s $url; curl -s $url"
done
check_output "no module: inet-tupled says so" \
	$'inet-tupled: the module inet_tuple is not loaded\nstatus 1' \
	status 1 here inet-tupled --state "$work/state"
check "and nothing has loaded it" test ! -e /sys/module/inet_tuple
