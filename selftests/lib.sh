# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests that are scripts: TAP, namespaces, and an end that leaves
# nothing behind. A test sources this, checks things and falls off its end;
# the plan, the clean-up and the exit status come from the trap below.

set -u

tap_count=0
tap_failed=0
deferred=()

echo "TAP version 13"

tap_ok() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $*"
}

tap_not_ok() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count $*"
}

# tap_skip NAME [WHY]
tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $1 # SKIP ${2:-}"
}

# What explains a failure and is not counted.
note() { sed 's/^/# /' <<<"$*"; }

# skip_all WHY: this machine cannot run this test at all.
skip_all() {
	tap_skip "${0##*/}" "$*"
	exit
}

# need COMMAND...: skip the whole test where one of them is missing.
need() {
	local command

	for command in "$@"; do
		command -v "$command" >/dev/null || skip_all "no $command here"
	done
}

# kernel_has SYMBOL: a feature is found by what it brings, not by a version.
kernel_has() { grep -q " $1\$" /proc/kallsyms; }

# check NAME COMMAND...: it succeeds.
check() {
	local name=$1 output status=0
	shift

	output=$("$@" 2>&1) || status=$?
	if [ $status = 0 ]; then
		tap_ok "$name"
		return
	fi
	tap_not_ok "$name"
	note "$* = $status"
	note "$output"
	return 1
}

# check_fails NAME COMMAND...: it is refused, with a status of its own and not
# by a signal or a shell that does not find it.
check_fails() {
	local name=$1 output status=0
	shift

	output=$("$@" 2>&1) || status=$?
	if [ $status -gt 0 ] && [ $status -lt 126 ]; then
		tap_ok "$name"
		return
	fi
	tap_not_ok "$name"
	note "$* = $status"
	note "$output"
	return 1
}

# check_output NAME EXPECTED COMMAND...: it prints that and succeeds.
check_output() {
	local name=$1 expected=$2 output status=0
	shift 2

	output=$("$@" 2>&1) || status=$?
	if [ $status = 0 ] && [ "$output" = "$expected" ]; then
		tap_ok "$name"
		return
	fi
	tap_not_ok "$name"
	note "$* = $status"
	note "expected: $expected"
	note "got: $output"
	return 1
}

# check_match NAME REGEX COMMAND...: a line of what it prints matches.
check_match() {
	local name=$1 regex=$2 output status=0
	shift 2

	output=$("$@" 2>&1) || status=$?
	if [ $status = 0 ] && grep -qE -- "$regex" <<<"$output"; then
		tap_ok "$name"
		return
	fi
	tap_not_ok "$name"
	note "$* = $status"
	note "no match for: $regex"
	note "got: $output"
	return 1
}

# defer COMMAND...: run it at the end, the last one first.
defer() { deferred+=("$(printf '%q ' "$@")"); }

# wait_for SECONDS COMMAND...: until it succeeds. Emulated machines are slow:
# be generous, it costs nothing where things work.
wait_for() {
	local end=$((SECONDS + $1))
	shift

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# setup_ns NAME...: each becomes a variable with the name of a new namespace.
setup_ns() {
	local name

	for name in "$@"; do
		printf -v "$name" '%s' "$name-$$"
		ip netns add "${!name}"
		defer ip netns delete "${!name}"
		ip -n "${!name}" link set lo up
		ip netns exec "${!name}" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_dad=0
	done
}

# manual NAME: a document
manual() { cat "$(dirname "$0")/documents/Documentation/$1"; }

# shown NAME WORDS: the first block that a document shows below the line with these
# words; documents.py finds those that no test asks for
shown() {
	manual "$1" | awk -v words="$2" '
		index($0, words) { found = 1 }
		on && /^[^ ]/ { exit }
		on && (NF || begun) { begun = 1; sub(/^   /, ""); print }
		found && /::( [a-z]+)?$/ { on = 1 }'
}

# in_ns NAMESPACE COMMAND...
in_ns() { ip netns exec "$@"; }

# link_ns NS1 DEV1 NS2 DEV2: a cable between the two, up.
link_ns() {
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# Another script's checks, made meanwhile: aside FILE SCRIPT... begins them, and
# fold FILE waits for them, and counts them as ours.
declare -A aside=()
aside() {
	bash "${@:2}" >"$1" 2>&1 &
	aside[$1]=$!
	defer kill $!
}
fold() {
	local line

	wait "${aside[$1]}"
	while IFS= read -r line; do
		case $line in
		"ok "*) tap_ok "${line#ok * }" ;;
		"not ok "*) tap_not_ok "${line#not ok * }" ;;
		"TAP version"* | 1..*) ;;
		*) note "${line#\# }" ;;
		esac
	done <"$1"
	grep -q '^1\.\.[1-9]' "$1" || tap_not_ok "what was done aside ended too early"
}

# background COMMAND...: killed at the end.
background() {
	"$@" &
	defer kill $!
}

finish() {
	local status=$? i

	trap - EXIT
	# a command that is gone already is no reason to keep the others
	for ((i = ${#deferred[@]} - 1; i >= 0; i--)); do
		eval "${deferred[i]}" >/dev/null 2>&1
	done
	[ $status = 0 ] || [ $tap_failed -gt 0 ] || tap_not_ok "ended with status $status"
	echo "1..$tap_count"
	exit $((tap_failed > 0))
}
trap finish EXIT
trap 'exit 143' TERM INT
