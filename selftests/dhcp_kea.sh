#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Pools of source dhcp whose server is Kea: what it writes into its lease file
# is what must have happened.

# shellcheck disable=SC2119	# tupled_start takes options, and needs none
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl inet-tupled kea-dhcp4 python3 arping ping
. "$(dirname "$0")/dhcp.sh"

export KEA_PIDFILE_DIR=$work KEA_LOCKFILE_DIR=none
leases=$work/leases
kea=

# kea_start FIRST-LAST VALID T1 T2
kea_start() {
	cat >"$work/kea.json" <<-KEA
		{ "Dhcp4": {
		"interfaces-config": { "interfaces": [ "eth0" ] },
		"lease-database": { "type": "memfile", "name": "$leases", "lfc-interval": 0 },
		"authoritative": true,
		"valid-lifetime": $2, "renew-timer": $3, "rebind-timer": $4,
		"subnet4": [ { "subnet": "10.64.0.0/16", "pools": [ { "pool": "$1" } ] } ],
		"loggers": [ { "name": "kea-dhcp4", "severity": "INFO",
			"output_options": [ { "output": "$work/kea.log" } ] } ]
		} }
	KEA
	rm -f "$work/kea.log"
	ip netns exec "$server" kea-dhcp4 -c "$work/kea.json" >"$work/kea" 2>&1 &
	kea=$!
	within 60 grep -q DHCP4_STARTED "$work/kea.log"
}
kea_stop() {
	kill "$kea"
	wait "$kea"
}
kea_kill() { kill "$kea"; }
defer kea_kill

# The last line about an address counts. A lease that was released has no time.
now_leased() {
	awk -F, 'NR > 1 { line[$1] = $0; valid[$1] = $4; state[$1] = $10 }
		END { for (a in line) if (valid[a] > 0 && state[a] == 0) print line[a] }' \
		"$leases"
}
leased() { now_leased | grep -q "^$1,"; }
not_leased() { grep -q "^$1," "$leases" && ! leased "$1"; }
leased_are() { [ "$(now_leased | wc -l)" = "$1" ]; }
declined() { grep "^$1," "$leases" | tail -n 1 | cut -d, -f10 | grep -qx 1; }

# Addresses, each with a name of its own

kea_start 10.64.1.0-10.64.1.255 600 300 500
tupled_start
check "a pool of source dhcp" ctl pool add phones dev eth0 source dhcp low 4 high 16
check "its stock is filled" within 30 total_is phones 16
check "Kea knows of all" within 5 leased_are 16
names() { now_leased | cut -d, -f3 | sort -u; }
check_output "by 16 client identifiers" 16 eval 'names | wc -l'
check_output "all of RFC 4361, of one host" 1 eval \
	'names | sed "s/^ff:..:..:..:..:00:04:/&@/" | cut -d@ -f2 | sort -u | wc -l'
check_output "on one hardware address" 1 eval 'now_leased | cut -d, -f2 | sort -u | wc -l'
a=$(told_first open a 4 udp)
check "a socket has one that Kea leased ($a)" leased "$a"
check "and the world reaches it" in_ns "$server" ping -c 1 -W 5 -q "$a"
arps() { in_ns "$server" arping -c 3 -w 10 -I eth0 "$1"; }
check_match "for which the kernel alone answers ARP" 'Received 3 response' arps "$a"
idle=$(kept | cut -d' ' -f3 | grep -vxF "$a" | head -n 1)
check_fails "one in stock is not on the device ($idle)" \
	eval "ip -n $host -o addr show | grep -qF ' $idle/'"
check_match "but ARP is answered for it" 'Received 3 response' arps "$idle"
check_fails "an address that is nobody's is" arps 10.64.9.9

# More of them, and fewer

check "twenty sockets" told many x 20 4 udp
# to the low mark at least: above it nothing is asked for
check "the stock is filled again" within 30 total_least phones $((21 + 4))
told close_many x 20 >/dev/null
check "what is idle above the high mark is released" within 30 total_is phones 17
check "Kea knows of that, too" within 5 leased_are 17
told open b 4 udp >/dev/null
told close a >/dev/null
sleep 1
told close b >/dev/null
ctl pool set phones low 1 high 1
check "nearly all, by other marks" within 30 total_is phones 1
check "the first socket's address is released ($a)" not_leased "$a"
check "Kea has one lease left" within 5 leased_are 1
ctl pool set phones low 4 high 16
check "the stock is filled again" within 30 total_is phones 16

# The agent goes and comes

told open a 4 udp >/dev/null
a=$(told_first name a)
sleep 2		# the state file is that of now
before=$(kept)
lines=$(wc -l <"$leases")
check_match "a second daemon says that there is one" 'another inet-tupled is running' \
	eval "! in_ns $host inet-tupled --state $work/state 2>&1"
tupled_stop TERM
check "stopped: a socket has another from the stock" told open b 4 udp
check "stopped: those there are are well" well a
tupled_start
sleep 2
check_output "started again: it has what it had" "$before" kept
check "and asked Kea for nothing" test "$(wc -l <"$leases")" = "$lines"
kill -KILL "$tupled"
wait "$tupled"
tupled_start
sleep 2
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
sleep 2
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
check "all of its addresses are released" within 30 leased_are 0
ctl pool add phones dev eth0 source dhcp low 4 high 16
within 30 total_is phones 16
told open a 4 udp >/dev/null
tupled_stop INT
check "ended for good: what is held is kept" within 5 leased_are 1
check "ended for good: and all else released" total_is phones 1
check "no agent: a socket has no address" asks EADDRNOTAVAIL open x 4 udp
told close a >/dev/null
ctl pool del phones
kea_stop
rm -rf "$leases" "$work/state"

# Fewer addresses than are wanted, one of which is somebody else's

# shellcheck disable=SC2154
ip -n "$other" addr add 10.64.2.3/16 dev eth0
kea_start 10.64.2.1-10.64.2.7 600 300 500
tupled_start
ctl pool add phones dev eth0 source dhcp low 4 high 16 wait 2000
check "a server with seven, and one of them in use: six" within 60 total_is phones 6
check "that one is declined" within 5 declined 10.64.2.3
check "it was never the pool's" eval '! kept | grep -q 10.64.2.3$'
check "six sockets" told many x 6 4 udp
check "a seventh waits in vain" asks EADDRNOTAVAIL open y 4 udp
check "one that does not want to wait" asks EAGAIN open y 4 udpnb
told close x3 >/dev/null
check "but has what another gives back" within 5 told open y 4 udp
told close y x0 x1 x2 x4 x5 >/dev/null
ctl pool del phones
tupled_stop TERM
kea_stop
rm -rf "$leases" "$work/state"
ip -n "$other" addr flush dev eth0

# Short leases: renewed, lost, refused

kea_start 10.64.3.0-10.64.3.255 40 4 15
tupled_start
ctl pool add phones dev eth0 source dhcp low 2 high 4
within 30 total_is phones 4
a=$(told_first open a 4 udp)
sleep 45
check "a lease of 40 s is there after 45" well a
renewed() { [ "$(grep -c "^$a," "$leases")" -ge "$1" ]; }
check "Kea renewed it" renewed 4
kea_stop
check "no server: anybody is asked after T2" within 20 \
	grep -q "rebinding, message 3, address $a" "$work/log"
kea_start 10.64.3.0-10.64.3.255 40 4 15
sleep 40
check "the server is back in time: nobody noticed" well a
check_output "and it is the same address" "$a" told_first name a
kea_stop
check "no server comes back: ENETRESET" within 60 reset a
check "the address is gone from the device" eval \
	"! ip -n $host -o addr show | grep -qF ' $a/'"
kea_start 10.64.3.0-10.64.3.255 40 4 15
check "with the server there are addresses again" within 90 total_is phones 4
told close a >/dev/null
told open a 4 udp >/dev/null
kea_stop
rm -f "$leases"
kea_start 10.64.4.0-10.64.4.255 40 4 15
check "the server refuses what it does not know: ENETRESET" within 60 reset a
told close a >/dev/null
check "and there are others" within 60 kept_like 4 ' 10\.64\.4\.'
ctl pool del phones
tupled_stop TERM
kea_stop
rm -rf "$leases" "$work/state"

# Many, over a network that loses some and repeats others

netem() { tc -n "$bridge" qdisc "$1" dev h0 root netem loss 10% duplicate 10%; }
if netem add 2>/dev/null; then
	kea_start 10.64.16.0-10.64.31.255 3600 1800 3000
	tupled_start
	ctl pool add phones dev eth0 source dhcp low 16 high 64
	check "of ten packets one is lost, another comes twice" within 90 total_is phones 64
	netem del
	ctl pool del phones
	within 20 kept_are 0
	tupled_stop TERM
	kea_stop
	rm -rf "$leases" "$work/state"
else
	tap_skip "packets lost and repeated" "no netem here"
fi
many=${INET_TUPLE_LONG:+2000}
many=${many:-200}
kea_start 10.64.16.0-10.64.31.255 3600 1800 3000
tupled_start
ctl pool add phones dev eth0 source dhcp low 16 high "$many"
begun=$SECONDS
check "$many addresses" within 300 total_is phones "$many"
note "took $((SECONDS - begun)) s"
check "of which Kea knows" within 10 leased_are "$many"
sleep 2
tupled_stop TERM
tupled_start
sleep 5
check "and which a new daemon has" kept_are "$many"
