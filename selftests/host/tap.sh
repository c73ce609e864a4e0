#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The runner must not take a failure for a success: what it counts, for each
# way in which a test can end.

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
failed=0

# counts NAME STATUS 'PASSED FAILED SKIPPED' LINE...
counts() {
	local name=$1 status=$2 expected=$3 got
	shift 3

	printf '%s\n' "$@" >"$work/tap"
	got=$(python3 "$here/../runner.py" --parse "$work/tap" "$status" it 2>/dev/null)
	n=$((n + 1))
	if [ "$got" = "result it $expected" ]; then
		echo "ok $n $name"
	else
		failed=$((failed + 1))
		echo "not ok $n $name"
		echo "# expected $expected, got: $got"
	fi
}

echo "TAP version 13"
counts "all is well" 0 "2 0 0" "1..2" "ok 1 a" "ok 2 - b"
counts "the plan may come last" 0 "1 0 0" "ok 1 a" "1..1"
counts "two programs, two plans" 0 "3 0 0" "1..1" "ok 1 a" "ok 1 b" "ok 2 c" "1..2"
counts "the second stops short" 0 "2 1 0" "1..1" "ok 1 a" "ok 1 b" "1..2"
counts "a failure is a failure" 1 "1 1 0" "1..2" "ok 1 a" "not ok 2 b"
counts "even where the status denies it" 0 "0 1 0" "1..1" "not ok 1 b"
counts "a skipped test" 0 "1 0 1" "1..2" "ok 1 a" "ok 2 b # SKIP no such thing"
counts "as kselftest writes it" 0 "0 0 1" "1..1" "ok 1 # SKIP no such thing"
counts "everything skipped, in a plan" 0 "0 0 1" "1..0 # SKIP no root"
counts "everything skipped, in a status" 4 "0 0 1" ""
counts "fewer tests than planned" 0 "1 1 0" "1..2" "ok 1 a"
counts "more tests than planned" 0 "2 1 0" "1..1" "ok 1 a" "ok 2 b"
counts "no plan at all" 0 "1 1 0" "ok 1 a"
counts "no test at all" 0 "0 1 0" "hello"
counts "nothing said, and failed" 1 "0 1 0" ""
counts "died of a signal" -11 "1 1 0" "1..1" "ok 1 a"
counts "not found" 127 "0 1 0" "sh: not found"
counts "bailed out" 1 "1 1 0" "ok 1 a" "Bail out! no memory"
counts "a failed subtest is its parent's affair" 0 "1 0 0" \
	"# not ok 1 sub" "    not ok 2 sub" "ok 1 a" "1..1"
echo "1..$n"
exit $((failed > 0))
