#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The shared library exports what its map and its header name, and no more.
# Usage: lib_symbols.sh LIBRARY MAP

library=$1
map=$2
header=${map%.map}.h
status=0
n=0

check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" "is not:" "$3" | sed 's/^/# /'
		status=1
	fi
}

echo "# lib_symbols.sh"
exported=$(nm -D --defined-only "$library" |
	awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort)
listed=$(sed -n 's/^	\(inet_tuple_[a-z_0-9]*\);$/\1/p' "$map" | sort)
declared=$(grep -o 'inet_tuple_[a-z_0-9]*(' "$header" | tr -d '(' | sort -u |
	grep -v '^inet_tuple_\(event_\)\?cb$')
soname=$(objdump -p "$library" | awk '$1 == "SONAME" { print $2 }')

check "exported symbols are those of the map" "$exported" "$listed"
check "declared functions are those of the map" "$declared" "$listed"
check "soname" "$soname" "libinettuple.so.0"
echo "1..$n"
exit "$status"
