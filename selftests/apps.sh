# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests that run other people's programs: this host, which has pools, and
# a peer, whose servers write down by which addresses they are called. Source
# it after lib.sh.
#
#   host 10.64.0.1, fd64::1 ---- eth0 ---- eth0 ---- 10.64.0.2, fd64::2 peer
#     pool few   10.64.4.0/22, fd64::4:0/112     addresses of eth0
#     pool many  10.65.0.0/16                    a prefix, routed to the host

work=$(mktemp -d)
defer rm -rf "$work"
chmod 755 "$work"

# The instrumented kernel has less to do.
factor=${TIMEOUT_FACTOR:-1}

# fewer N: as many as this machine can do in the time
fewer() { echo $(($1 / factor)); }

setup_ns host peer
# shellcheck disable=SC2154	# by setup_ns
link_ns "$host" eth0 "$peer" eth0
ip -n "$host" -batch - <<'IP'
addr add 10.64.0.1/16 dev eth0
addr add fd64::1/64 dev eth0 nodad
route add 10.66.0.0/16 via 10.64.0.2
IP
# shellcheck disable=SC2154
ip -n "$peer" -batch - <<'IP'
addr add 10.64.0.2/16 dev eth0
addr add fd64::2/64 dev eth0 nodad
route add 10.65.0.0/16 via 10.64.0.1
IP
tuplectl -N "$host" -b - <<'BATCH'
pool add few dev eth0 prefix 10.64.4.0/22 prefix fd64::4:0/112
pool add many dev eth0 prefix 10.65.0.0/16 plumb prefix quarantine 0
BATCH
# shellcheck disable=SC2034	# for those who source this
few='10\.64\.[4-7]\.[0-9]+'
# shellcheck disable=SC2034
many='10\.65\.[0-9]+\.[0-9]+'

here() { in_ns "$host" timeout $((60 * factor)) "$@"; }
there() { in_ns "$peer" timeout $((60 * factor)) "$@"; }
run() { here tuplerun "$@"; }

# serve COMMAND...: in the background at the peer, its words in $work/served
serve() {
	ip netns exec "$peer" "$@" </dev/null >>"$work/served" 2>&1 &
	defer kill $!
}
# the same, here and under tuplerun
serve_here() {
	ip netns exec "$host" tuplerun "$@" </dev/null >>"$work/served" 2>&1 &
	defer kill $!
}

# listens NAMESPACE PORT: somebody does
listens() { [ -n "$(in_ns "$1" ss -Hlntu sport = ":$2")" ]; }
# reachable PORT: the peer has a server there by now
reachable() {
	wait_for $((20 * factor)) listens "$peer" "$1" && return
	note "$(cat "$work/served")"
	return 1
}

# addresses N REGEX: of the words read, N different ones are such an address
addresses() {
	local found
	found=$(grep -oE "(^|[^0-9.])$2([^0-9.]|\$)" | grep -oE "$2" | sort -u | wc -l)

	echo "$found different addresses"
	[ "$found" = "$1" ]
}
# seen FILE PATTERN N REGEX: in its lines with the pattern
seen() { grep -E -- "$2" "$1" | addresses "$3" "$4"; }
# none_seen FILE PATTERN: the host's own address is not in them
none_seen() { ! grep -E -- "$2" "$1" | grep -wE '10\.64\.0\.1|fd64::1'; }
# seen_only FILE PATTERN N REGEX: both
seen_only() { seen "$@" && none_seen "$1" "$2"; }
# each_own LOG PATTERN N REGEX: of nginx's log, N connections or more, each with
# an address of its own
each_own() {
	local n
	n=$(grep -E -- "$2" "$1" | awk '{ print $NF }' | sort -u | wc -l)

	echo "$n connections"
	[ "$n" -ge "$3" ] && seen_only "$1" "$2" "$n" "$4"
}

# nginx_conf NAME LISTEN...: its configuration, in $work/NAME.conf; the log
# has a line for each request, with both addresses and the connection's number.
# Requests for /slow wait.
nginx_conf() {
	local name=$1 listen
	shift

	{
		cat <<-CONF
			daemon off;
			user root;
			worker_processes 1;
			worker_rlimit_nofile 100000;
			pid $work/$name.pid;
			error_log $work/$name.err;
			events { worker_connections 50000; }
			http {
				log_format who '\$remote_addr \$server_addr \$request_uri \$connection';
				access_log $work/$name.log who;
				keepalive_requests 1000000;
				keepalive_timeout 600s;
				client_header_timeout 1200s;
				limit_req_zone \$server_addr zone=slow:1m rate=100r/s;
				server {
		CONF
		for listen; do
			echo "listen $listen;"
		done
		printf '%s\n' "location / { return 200 \"\$remote_addr \$server_addr\\n\"; }"
		printf '%s\n' "location /slow { stub_status; limit_req zone=slow burst=50000; } } }"
	} >"$work/$name.conf"
}
