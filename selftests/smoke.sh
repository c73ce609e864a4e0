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
