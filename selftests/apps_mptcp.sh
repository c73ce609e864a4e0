#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# MPTCP for programs that ask for TCP: by mptcpize together with tuplerun, and
# by tuplerun in its place.

. "$(dirname "$0")/lib.sh"
need tuplerun tuplectl mptcpize nginx curl busybox nstat
. "$(dirname "$0")/apps.sh"
[ -e /proc/sys/net/mptcp/enabled ] || skip_all "no MPTCP here"

nginx_conf web 80
serve mptcpize run nginx -c "$work/web.conf"
reachable 80 || skip_all "no nginx"
# connections that came to the peer, as MPTCP
came() {
	in_ns "$peer" nstat -asz MPTcpExtMPCapableACKRX |
		awk '/MPCapable/ { print $2 }'
}
# by N REGEX COMMAND...: it has N more, and its address is such a one
by() {
	local n=$1 regex=$2 before after
	shift 2

	before=$(came)
	check_match "${*/#http*/}" "^$regex 10.64.0.2\$" "$@" || return
	after=$(came)
	check "${*/#http*/}: $n of MPTCP" test $((after - before)) = "$n"
}
url=http://10.64.0.2/
by 0 "$few" run curl -s $url
by 1 10.64.0.1 here mptcpize run curl -s $url
by 1 "$few" here mptcpize run tuplerun curl -s $url
by 1 "$few" run --mptcp curl -s $url
by 1 "$few" run --seccomp mptcpize run curl -s $url
by 1 "$few" run --seccomp --mptcp curl -s $url
by 1 "$few" run --mptcp busybox wget -qO- $url

# A server, and both
nginx_conf here 80
serve_here --mptcp --pool many nginx -c "$work/here.conf"
wait_for $((20 * factor)) listens "$host" 80
at=$(tuplectl -N "$host" lease show pool many | grep -oE "^$many")
check_match "nginx: a socket of MPTCP has the address $at" "mptcp +LISTEN +port 80 " \
	tuplectl -N "$host" lease show address "$at"
check_output "nginx: is called" "10.64.0.2 $at" there mptcpize run curl -s "http://$at/"
check_match "nginx: by a client with an address" "^$few $at\$" \
	run --mptcp curl -s "http://$at/"

in_ns "$host" sysctl -qw net.mptcp.enabled=0
check_match "no MPTCP: one line" '^tuplerun: MPTCP: Protocol not available$' \
	eval '! run --mptcp true'
check_match "no MPTCP, --fallback: TCP" "^$few 10.64.0.2\$" \
	run --mptcp --fallback curl -s $url
