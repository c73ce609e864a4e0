# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests of inet-tupled: this host, whose pools get their addresses from a
# server of the distribution, behind a bridge. Source it after lib.sh and
# agent.sh.
#
#	host eth0 ---- h0 bridge s0 ---- eth0 server 10.64.0.1
#	10.64.0.2          o0 ---------- eth0 other

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
. "$(dirname "$0")/tupled.sh"
tupled_options=(--idle 2 --probe 300)

total() { ctl pool show "$1" | sed -n 's/.* total \([0-9]*\) .*/\1/p'; }
total_is() { [ "$(total "$1")" = "$2" ]; }
total_least() { [ "$(total "$1")" -ge "$2" ]; }
well() { asks "ok 0" error "$1"; }
reset() { asks "ok ENETRESET" error "$1"; }

# The leases in the state file: POOL IAID ADDRESS, sorted
kept() { sed -n 's/^lease \([^ ]* [0-9]* [^ ]*\) .*/\1/p' "$work/state/state" | sort; }

kept_are() { [ "$(kept | wc -l)" = "$1" ]; }
kept_like() { [ "$(kept | grep -c "$2")" -ge "$1" ]; }
