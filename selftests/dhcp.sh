# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests of inet-tupled: this host, whose pools get their addresses from a
# server of the distribution, behind a bridge. Source it after lib.sh and
# agent.sh.
#
#	host eth0 ---- h0 bridge s0 ---- eth0 server 10.64.0.1
#	10.64.0.2          o0 ---------- eth0 other

work=$(mktemp -d)
defer rm -rf "$work"
chmod 755 "$work"
factor=${TIMEOUT_FACTOR:-1}

setup_ns host bridge server other
# shellcheck disable=SC2154	# by setup_ns
link_ns "$host" eth0 "$bridge" h0
# shellcheck disable=SC2154
link_ns "$server" eth0 "$bridge" s0
# shellcheck disable=SC2154
link_ns "$other" eth0 "$bridge" o0
ip -n "$bridge" -batch - <<'IP'
link add br0 type bridge
link set br0 up
link set h0 master br0
link set s0 master br0
link set o0 master br0
IP
ip -n "$host" addr add 10.64.0.2/16 dev eth0
ip -n "$server" addr add 10.64.0.1/16 dev eth0
agent_start
ask ns "$host" >/dev/null

ctl() { tuplectl -N "$host" "$@"; }
within() { wait_for $(($1 * factor)) "${@:2}"; }
total() { ctl pool show "$1" | sed -n 's/.* total \([0-9]*\) .*/\1/p'; }
total_is() { [ "$(total "$1")" = "$2" ]; }
total_least() { [ "$(total "$1")" -ge "$2" ]; }
well() { asks "ok 0" error "$1"; }
reset() { asks "ok ENETRESET" error "$1"; }

# What inet-tupled does is in $work/log.
tupled=
tupled_options=()
tupled_start() {
	ip netns exec "$host" inet-tupled --state "$work/state" --idle 2 --probe 300 \
		--verbose "${tupled_options[@]}" </dev/null >>"$work/log" 2>&1 &
	tupled=$!
}
tupled_stop() {
	kill -s "$1" "$tupled"
	wait "$tupled"
}
tupled_kill() { kill -KILL "$tupled"; }
defer tupled_kill

# The leases in the state file: POOL IAID ADDRESS, sorted
kept() { sed -n 's/^lease \([^ ]* [0-9]* [^ ]*\) .*/\1/p' "$work/state/state" | sort; }

kept_are() { [ "$(kept | wc -l)" = "$1" ]; }
kept_like() { [ "$(kept | grep -c "$2")" -ge "$1" ]; }

# What the log tells, where something went wrong
# shellcheck disable=SC2154	# of lib.sh
tell_log() { [ "$tap_failed" = 0 ] || note "$(tail -n 60 "$work/log")"; }
defer tell_log
