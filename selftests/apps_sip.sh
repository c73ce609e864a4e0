#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Telephone calls, each with an address of its own on both sides. SIPp as it
# comes from the distribution plays both, run by tuplerun:
#
# The caller (-t un) opens a socket for each call and closes it at the call's
# end, so each call takes an address of the pool and gives it back.
#
# The answerer (-t ui) is a thousand telephones: a socket for each address of
# a list, bound to it and to port 5060, so that it leases that very address.
#
# A third one, with ordinary sockets, knows the list, and sends each caller to
# another telephone.
#
# Both name the address of the call's own socket in what they say (SIPp's
# [server_ip] is getsockname()); the caller hangs up at the one that it was
# told. tcpdump counts.

. "$(dirname "$0")/lib.sh"
need tuplerun tuplectl sipp tcpdump
. "$(dirname "$0")/apps.sh"

here=$(cd "$(dirname "$0")" && pwd)
calls=$(fewer 1000)
tuplectl -N "$host" pool set many default on
tuplectl -N "$peer" pool add phones dev eth0 prefix 10.66.0.0/16 plumb prefix
phones='10\.66\.[0-9]+\.[0-9]+'
{
	echo SEQUENTIAL
	seq "$calls" | awk '{ printf "10.66.%d.%d;\n", 1 + $1 / 250, 1 + $1 % 250 }'
} >"$work/phones.csv"

# Invitations and goodbyes; what is written down is in the file at once
ip netns exec "$peer" tcpdump -i eth0 -lnn -B 8192 "udp dst port 5060 and
	dst net 10.66.0.0/16 and (udp[8:4] = 0x494e5649 or udp[8:4] = 0x42594520)" -A \
	>"$work/heard" 2>"$work/tcpdump" &
dump=$!
defer kill $dump
wait_for $((20 * factor)) grep -q listening "$work/tcpdump"

# sip NAMESPACE SCENARIO ARGUMENT...: to be run in a shell of its own
sip() {
	local netns=$1 name=$2 tuplerun=tuplerun
	shift 2

	[ "$name" != redirect ] || tuplerun=
	cd "$work" || exit
	exec ip netns exec "$netns" timeout $((100 * factor)) $tuplerun sipp \
		-sf "$here/apps_$name.xml" -inf "$work/phones.csv" -m "$calls" -nostdin \
		-watchdog_interval 0 -trace_err -error_file "$work/$name.err" "$@" \
		</dev/null >"$work/$name" 2>&1
}
sip "$peer" answerer -t ui -ip_field 0 -i 10.64.0.2 -p 5060 &
answerer=$!
sip "$peer" redirect -i 10.64.0.2 -bind_local -p 5060 &
redirect=$!
defer kill $answerer $redirect
held() { tuplectl -N "$1" pool show "$2" | grep -oE 'in_use [0-9]+' | cut -d' ' -f2; }
all_listen() { sleep 0.5; [ "$(held "$peer" phones)" -ge "$calls" ]; }
check "the answerer has $calls addresses" wait_for $((60 * factor)) all_listen
# ended PID: its status, which only this shell can ask for
ended() {
	status=0
	wait "$1" || status=$?
}
# It binds its sockets to the address that it is told to be the host's.
sip "$host" caller -t un -i 0.0.0.0 -r "$(fewer 40)" -l 2000 -d 3000 -max_socket 4000 \
	10.64.0.2 &
ended $!
check "the caller had $calls calls ($status)" test $status = 0
[ $status = 0 ] || kill $answerer
ended $answerer
check "and so had the answerer ($status)" test $status = 0
[ $tap_failed = 0 ] || note "$(head -n 20 "$work"/*.err)"
sleep 1
kill $dump
wait $dump 2>/dev/null

# pairs WORD: who said it to whom
pairs() {
	awk -v word="$1" '/^[0-9:.]+ IP / { pair = $3 " " $5 } $0 ~ word " sip:" { print pair }' \
		"$work/heard" | sed -E 's/\.[0-9]+ / /; s/\.5060:?$//' | sort -u
}
pairs INVITE >"$work/invited"
pairs BYE >"$work/ended"
note "$(sort -R "$work/invited" | head -n 3)"
check_output "$calls invitations, each from an address of its own" "$calls" eval \
	"cut -d' ' -f1 '$work/invited' | sort -u | grep -cxE '$many'"
check_output "to $calls addresses, each called once" "$calls" eval \
	"cut -d' ' -f2 '$work/invited' | sort -u | grep -cxE '$phones'"
check "no call has two" test "$(wc -l <"$work/invited")" = "$calls"
check "each ends between the two that it began between" cmp "$work/invited" "$work/ended"
# A call's Contact is the address that it comes from
contacts() {
	awk '/^[0-9:.]+ IP / { sub(/\.[0-9]+$/, "", $3); from = $3 }
		/^Contact: / { split($0, a, /[@:>]/); n += a[4] == from }
		END { print n }' "$work/heard"
}
check "and says its address itself" test "$(contacts)" -ge "$calls"
given_back() { sleep 0.5; [ "$(held "$host" many)" = 0 ] && [ "$(held "$peer" phones)" = 0 ]; }
check "all addresses are given back" wait_for $((20 * factor)) given_back
