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

# So long that what is to stay as it is would have changed
settle() { sleep $((2 * factor)); }
total() { ctl pool show "$1" | sed -n 's/.* total \([0-9]*\) .*/\1/p'; }
total_is() { [ "$(total "$1")" = "$2" ]; }
total_least() { [ "$(total "$1")" -ge "$2" ]; }
well() { asks "ok 0" error "$1"; }
reset() { asks "ok ENETRESET" error "$1"; }

# Kea, any number of them, each with a name: $work/NAME.log is what it tells.
# kea_run NAME NAMESPACE FIRST-LAST VALID T1 T2
export KEA_PIDFILE_DIR=$work KEA_LOCKFILE_DIR=none
declare -A kea=()
kea_run() {
	cat >"$work/$1.json" <<-KEA
		{ "Dhcp4": {
		"interfaces-config": { "interfaces": [ "eth0" ] },
		"lease-database": { "type": "memfile", "name": "$work/$1.leases",
			"lfc-interval": 0 },
		"authoritative": true,
		"valid-lifetime": $4, "renew-timer": $5, "rebind-timer": $6,
		"subnet4": [ { "subnet": "$(cut -d. -f1,2 <<<"$3").0.0/16",
			"pools": [ { "pool": "$3" } ] } ],
		"loggers": [ { "name": "kea-dhcp4", "severity": "INFO",
			"output_options": [ { "output": "$work/$1.log" } ] } ]
		} }
	KEA
	rm -f "$work/$1.log"
	ip netns exec "$2" kea-dhcp4 -c "$work/$1.json" >"$work/$1.out" 2>&1 &
	kea[$1]=$!
}
kea_runs() { within 90 grep -q DHCP4_STARTED "$work/$1.log"; }
kea_start() { kea_run "$@" && kea_runs "$1"; }
kea_stop() {
	local name

	for name; do
		kill "${kea[$name]}"
	done
	for name; do
		wait "${kea[$name]}"
		unset "kea[$name]"
	done
}
kea_kill() { kill "${kea[@]}"; }
defer kea_kill

# Of its leases the last line about an address counts. One that was released has
# no time.
now_leased() {
	awk -F, 'NR > 1 { line[$1] = $0; valid[$1] = $4; state[$1] = $10 }
		END { for (a in line) if (valid[a] > 0 && state[a] == 0) print line[a] }' \
		"$work/$1.leases"
}
leased() { now_leased "$1" | grep -q "^$2,"; }
not_leased() { grep -q "^$2," "$work/$1.leases" && ! leased "$1" "$2"; }
leased_are() { [ "$(now_leased "$1" | wc -l)" = "$2" ]; }
told_of() { grep "^$2," "$work/$1.leases"; }
declined() { told_of "$1" "$2" | tail -n 1 | cut -d, -f10 | grep -qx 1; }

# The leases in the state file: POOL IAID ADDRESS, sorted
kept() { sed -n 's/^lease \([^ ]* [0-9]* [^ ]*\) .*/\1/p' "$work/state/state" | sort; }

kept_are() { [ "$(kept | wc -l)" = "$1" ]; }
