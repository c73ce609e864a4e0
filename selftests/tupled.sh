# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests of inet-tupled: the one of the namespace $host, and a folder for what
# belongs to the test. Source it after lib.sh, with the namespaces made.

work=$(mktemp -d)
defer rm -rf "$work"
chmod 755 "$work"
factor=${TIMEOUT_FACTOR:-1}

# shellcheck disable=SC2154	# by setup_ns
ctl() { tuplectl -N "$host" "$@"; }
within() { wait_for $(($1 * factor)) "${@:2}"; }

# What inet-tupled does is in $work/log.
tupled=
tupled_options=()
# tupled_start OPTION...
tupled_start() {
	ip netns exec "$host" inet-tupled --state "$work/state" --verbose \
		"${tupled_options[@]}" "$@" </dev/null >>"$work/log" 2>&1 &
	tupled=$!
}
tupled_stop() {
	kill -s "$1" "$tupled"
	wait "$tupled"
}
tupled_kill() { kill -KILL "$tupled"; }
defer tupled_kill

# What the log tells, where something went wrong
# shellcheck disable=SC2154	# of lib.sh
tell_log() { [ "$tap_failed" = 0 ] || note "$(tail -n 60 "$work/log")"; }
defer tell_log
