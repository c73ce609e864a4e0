#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh [SECONDS [FOLDER]]
#
# Lets libFuzzer loose on what reads bytes or words (fuzz/*.c), so long on each,
# 5 by default. What it finds to go on from next time is kept in FOLDER.

here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../build/selftests-host/fuzz
seconds=${1:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keep=${2:-$work}
n=0
failed=0

# fuzz NAME: from the corpus on
fuzz() {
	mkdir -p "$keep/$1"
	timeout -k 5 $((seconds + 60)) "$out/$1" -max_total_time="$seconds" \
		-max_len=4096 -timeout=10 -close_fd_mask=3 -print_final_stats=1 \
		-artifact_prefix="$work/" "$keep/$1" "$here/fuzz/corpus/$1" \
		>"$work/log" 2>&1
}

echo "TAP version 13"
if ! command -v clang >/dev/null; then
	echo "1..0 # SKIP no clang"
	exit
fi
if ! make -s -C "$here/fuzz" >"$work/log" 2>&1; then
	sed 's/^/# /' "$work/log"
	echo "Bail out! the fuzzers do not build"
	exit 1
fi
for target in message tuplectl tupled tuplerun; do
	n=$((n + 1))
	if fuzz $target; then
		echo "ok $n $target"
		sed -n 's/^#.*DONE */# /p; s/^stat::number_of_executed_units: /# runs: /p' \
			"$work/log"
		continue
	fi
	failed=$((failed + 1))
	echo "not ok $n $target"
	tail -n 40 "$work/log" | sed 's/^/# /'
	for file in "$work"/{crash,leak,timeout,oom}-*; do
		[ ! -e "$file" ] || echo "# ${file##*/}: $(base64 -w 0 "$file")"
	done
done
echo "1..$n"
exit $((failed > 0))
