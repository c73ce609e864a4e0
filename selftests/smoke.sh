#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module and the runner themselves: loaded when a test starts, removable,
# and to be loaded again.

. "$(dirname "$0")/lib.sh"

check "the runner loaded the module" test -d /sys/module/inet_tuple
check "nobody uses it" test "$(cat /sys/module/inet_tuple/refcnt)" = 0
check "it unloads" rmmod inet_tuple
check_fails "it is gone" test -d /sys/module/inet_tuple
for round in 1 2 3 4 5; do
	modprobe inet_tuple && rmmod inet_tuple || break
done
check "load and unload five times" test "$round" = 5
check "it loads again" modprobe inet_tuple
check "it unloads again" rmmod inet_tuple

# taken PARAMETER NUMBER: it does not load, which modprobe would not tell
taken() {
	modprobe inet_tuple "$1=$2"
	[ ! -d /sys/module/inet_tuple ] && dmesg | grep -q "inet_tuple: family $2 is taken"
}
check "a family that Linux has is not taken from it" taken family_inet 2
check "nor is the second" taken family_inet6 10

# opens FAMILY: how socket() fails where there is no pool, and no such family.
opens() {
	python3 -c 'import errno, socket, sys
try: socket.socket(int(sys.argv[1]), socket.SOCK_DGRAM)
except OSError as e: print(errno.errorcode[e.errno])' "$1"
}
check "other numbers" modprobe inet_tuple family_inet=19 family_inet6=12
check_output "the other number is ours" EADDRNOTAVAIL opens 19
check_output "that of IPv6 too" EADDRNOTAVAIL opens 12
check "it unloads with them" rmmod inet_tuple
check "it loads with its own test" modprobe inet_tuple selftest=1
check_match "which passed" "inet_tuple: allocator self-test passed" dmesg
