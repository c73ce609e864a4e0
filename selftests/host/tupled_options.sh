#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The options of inet-tupled, and what it says of wrong ones before it asks the
# kernel for anything.
# Usage: tupled_options.sh INET-TUPLED

tupled=$1
n=0
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# ends STATUS LINE WORDS...: with that status, and the output begins with that line
ends() {
	local status=0

	timeout 60 "$tupled" --state "$dir/state" "${@:3}" >"$dir/out" 2>&1 || status=$?
	n=$((n + 1))
	# shellcheck disable=SC2053	# a pattern
	if [ "$status" = "$1" ] && [[ $(head -n 1 "$dir/out") == $2 ]] &&
		[ ! -e "$dir/state" ]; then
		echo "ok $n - ${*:3}"
	else
		echo "not ok $n - ${*:3}"
		sed "s/^/# status $status: /" "$dir/out"
		failed=1
	fi
}

ends 0 "usage: inet-tupled *" --help
ends 0 "inet-tupled [0-9]*" --version
ends 2 "*: unrecognized option '--colour'" --colour
ends 2 "usage: inet-tupled *" word
ends 2 "*: option '--export' requires an argument" --export
for table in "a b" "" 1 "a; flush ruleset" inet: :a no:a inet:a:b; do
	ends 2 "inet-tupled: '$table' is no table" --export "$table"
done
for number in x -1 "" 1s 86401; do
	ends 2 "inet-tupled: '$number' is no such number" --idle "$number"
done
ends 2 "inet-tupled: '86400001' is no such number" --probe 86400001

echo "1..$n"
exit $failed
