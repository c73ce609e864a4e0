#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Pools of source dhcp whose server is Kea: what it writes into its lease file
# is what must have happened.

# shellcheck disable=SC2119	# tupled_start takes options, and needs none
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl tuplerun inet-tupled kea-dhcp4 python3 arping ping
. "$(dirname "$0")/dhcp.sh"

# Waits of many kinds, meanwhile
aside "$work/lifetimes.tap" "$(dirname "$0")/dhcp_lifetimes.sh" "$work/alone"

# Addresses, each with a name of its own

kea_start kea "$server" 10.64.1.0-10.64.1.255 600 300 500
tupled_start
check "a pool of source dhcp" ctl pool add phones dev eth0 source dhcp low 4 high 16
check "its stock is filled" within 30 total_is phones 16
check "Kea knows of all" within 5 leased_are kea 16
names() { now_leased kea | cut -d, -f3 | sort -u; }
check_output "by 16 client identifiers" 16 eval 'names | wc -l'
check_output "all of RFC 4361, of one host" 1 eval \
	'names | sed "s/^ff:..:..:..:..:00:04:/&@/" | cut -d@ -f2 | sort -u | wc -l'
check_output "on one hardware address" 1 eval 'now_leased kea | cut -d, -f2 | sort -u | wc -l'
a=$(told_first open a 4 udp)
check "a socket has one that Kea leased ($a)" leased kea "$a"
check "and the world reaches it" in_ns "$server" ping -c 1 -W 5 -q "$a"
idle=$(kept | cut -d' ' -f3 | grep -vxF "$a" | head -n 1)
check_fails "one in stock is not on the device ($idle)" \
	eval "ip -n $host -o addr show | grep -qF ' $idle/'"
arps() {
	local address pids=()

	for address; do
		in_ns "$server" arping -c 3 -w 10 -I eth0 "$address" >"$work/arp.$address" &
		pids+=($!)
	done
	wait "${pids[@]}"
}
arps "$a" "$idle" 10.64.9.9
check_match "for the former the kernel alone answers ARP" 'Received 3 response' cat "$work/arp.$a"
check_match "but ARP is answered for it" 'Received 3 response' cat "$work/arp.$idle"
check_match "for one that is nobody's it is not" 'Received 0 response' cat "$work/arp.10.64.9.9"

# More of them, and fewer

check "twenty sockets" told many x 20 4 udp
# to the low mark at least: above it nothing is asked for
check "the stock is filled again" within 30 total_least phones $((21 + 4))
told close_many x 20 >/dev/null
check "what is idle above the high mark is released" within 30 total_is phones 17
check "Kea knows of that, too" within 5 leased_are kea 17
told open b 4 udp >/dev/null
told close a >/dev/null
sleep 1
told close b >/dev/null
ctl pool set phones low 1 high 1
check "nearly all, by other marks" within 30 total_is phones 1
check "the first socket's address is released ($a)" not_leased kea "$a"
check "Kea has one lease left" within 5 leased_are kea 1
ctl pool set phones low 4 high 16
check "the stock is filled again" within 30 total_is phones 16

# The agent goes and comes

told open a 4 udp >/dev/null
a=$(told_first name a)
settle		# the state file is that of now
before=$(kept)
lines=$(wc -l <"$work/kea.leases")
check_match "a second daemon says that there is one" 'another inet-tupled is running' \
	eval "! in_ns $host inet-tupled --state $work/state 2>&1"
tupled_stop TERM
check "stopped: a socket has another from the stock" told open b 4 udp
check "stopped: those there are are well" well a
tupled_start
settle
check_output "started again: it has what it had" "$before" kept
check "and asked Kea for nothing" test "$(wc -l <"$work/kea.leases")" = "$lines"
kill -KILL "$tupled"
wait "$tupled"
tupled_start
settle
check_output "after a crash, too" "$before" kept
check "the sockets are well" eval 'well a && well b'
check_output "and have their addresses" "$a" told_first name a
told close b >/dev/null
tupled_stop TERM
sed -i '2s/./x/' "$work/state/state"
tupled_start
check "a damaged state is named" within 5 grep -q "state is damaged" "$work/log"
check "and set aside" test -s "$work/state/state.damaged"
tupled_stop TERM
echo "$before" | grep -q . && mv "$work/state/state.damaged" "$work/state/state"
sed -i '2s/./d/' "$work/state/state"
tupled_start
settle
check_output "mended, it serves again" "$before" kept

# The host starts anew: the module has nothing any more, the file all

told close a >/dev/null
tupled_stop TERM
before=$(kept | cut -d' ' -f3)
ctl pool del phones
boot=$(sed -n 's/^clock \([^ ]*\) .*/\1/p' "$work/state/state")
rewrite() {
	python3 - "$work/state/state" "$boot" <<-'PYTHON'
		import sys
		path, boot = sys.argv[1:]
		text = open(path).read().replace(boot, boot[::-1]).rsplit('end ', 1)[0]
		total = 0xcbf29ce484222325
		for c in text.encode():
		    total = (total ^ c) * 0x100000001b3 % 2 ** 64
		open(path, 'w').write(f'{text}end {total:016x}\n')
	PYTHON
}
check "a state file of another start" rewrite
tupled_start
ctl pool add phones dev eth0 source dhcp low 4 high 16
check "another start of the host: the stock is filled" within 30 total_is phones 16
check_output "with the same addresses" "$before" eval "kept | cut -d' ' -f3"
check "which were asked for" grep -q "rebooting, answer 5" "$work/log"

# A pool's end, and the agent's for good

check "a pool is deleted" ctl pool del phones
check "all of its addresses are released" within 30 leased_are kea 0
ctl pool add phones dev eth0 source dhcp low 4 high 16
within 30 total_is phones 16
told open a 4 udp >/dev/null
tupled_stop INT
check "ended for good: what is held is kept" within 5 leased_are kea 1
check "ended for good: and all else released" total_is phones 1
check "no agent: a socket has no address" asks EADDRNOTAVAIL open x 4 udp
told close a >/dev/null
ctl pool del phones
kea_stop kea
rm -rf "$work/kea.leases" "$work/state"

# Many

many=${INET_TUPLE_LONG:+2000}
many=${many:-200}
kea_start kea "$server" 10.64.16.0-10.64.31.255 3600 1800 3000
tupled_start
ctl pool add phones dev eth0 source dhcp low 16 high "$many"
begun=$SECONDS
check "$many addresses" within $((many / 2 + 200)) total_is phones "$many"
note "took $((SECONDS - begun)) s"
check "of which Kea knows" within 10 leased_are kea "$many"
settle
tupled_stop TERM
tupled_start
settle
settle
check "and which a new daemon has" kept_are "$many"

# A program that knows nothing of them: the pool has no prefix to be seen

runs_leased() {
	local address

	address=$(in_ns "$host" tuplerun "$@" python3 -c 'import socket
print(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).getsockname()[0])') || return
	echo "$address"
	leased kea "$address"
}
for way in preload seccomp; do
	check "tuplerun --$way: an address that Kea leased" runs_leased --$way --pool phones
done
check "also of the pool that is the default one" runs_leased

touch "$work/alone"
fold "$work/lifetimes.tap"
