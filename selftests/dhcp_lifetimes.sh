# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# dhcp_lifetimes.sh FILE: what takes time rather than work, for dhcp_kea.sh, which
# does other things meanwhile. One host has a pool on each of several devices,
# behind which is a server of a kind that is not to be wished for.
#
#	host .2 renew ---- eth0 renew .1	10.81.0.0/16, and so on
#
# FILE is there when nobody else minds what becomes of the clock.

# shellcheck disable=SC2119	# tupled_start takes options, and needs none
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
. "$(dirname "$0")/dhcp.sh"
alone=$1

# Leases of ten seconds, where a machine can do that in time
short=$((10 * (factor + 3) / 4))
# So long that a server that goes comes back in time, also on a busy machine
long=$((75 * factor))

# network NAME NUMBER
network() {
	setup_ns "$1"
	link_ns "$host" "$1" "${!1}" eth0
	ip -n "$host" addr add "10.$2.0.2/16" dev "$1"
	ip -n "${!1}" addr add "10.$2.0.1/16" dev eth0
}
# serve NAME RANGE VALID T1 T2
serve() { kea_run "$1" "${!1}" "${@:2}"; }
# pool NAME LOW HIGH [KEY VALUE]...
pool() { ctl pool add "$1" dev "$1" source dhcp low "$2" high "$3" assign bind "${@:4}"; }
# opens KEY POOL: a socket has an address of it; says what came of it
opens() {
	ask open "$1" 4 udp >/dev/null && ask pool "$1" "$2" >/dev/null &&
		ask bind "$1" 0.0.0.0 0
}
kept_of() { kept | grep "^$1 "; }
logged() { grep -q "$*" "$work/log"; }

network renew 81
network back 82
network lost 83
network nak 84
network few 85
network lossy 86
network hostile 87
serve renew 10.81.1.0-10.81.1.255 $short $((short / 5)) $((short * 3 / 5))
serve back 10.82.1.0-10.82.1.255 $long $((long / 6)) $((long / 3))
serve lost 10.83.1.0-10.83.1.255 $short $((short / 5)) $((short * 3 / 5))
serve nak 10.84.1.0-10.84.1.255 $long $((long / 12)) $((long / 3))
for name in renew back lost nak; do
	kea_runs $name
done
tupled_start
for name in renew back lost nak; do
	pool $name 2 4
done
for name in renew back lost nak; do
	check "leases of $name" within 30 total_is $name 4
	opens $name $name >/dev/null
	address=$(told_first name $name)
	declare "address_$name=$address"
done
begun=$SECONDS

# One server goes and comes back, one stays away, one comes back and knows nothing

kea_stop lost back nak
stopped=$SECONDS
rm "$work/nak.leases"
serve nak 10.84.4.0-10.84.4.255 $long $((long / 12)) $((long / 3))
# shellcheck disable=SC2154	# declared above
check "no server: anybody is asked after T2" within 30 \
	logged "back: .*rebinding, message 3, address $address_back"
serve back 10.82.1.0-10.82.1.255 $long $((long / 6)) $((long / 3))
check "no server comes back: ENETRESET" within 60 reset lost
# shellcheck disable=SC2154
check "the address is gone from the device" eval \
	"! ip -n $host -o addr show | grep -qF ' $address_lost/'"
serve lost 10.83.1.0-10.83.1.255 $short $((short / 5)) $((short * 3 / 5))

while [ $((SECONDS - begun)) -le $((short + 5)) ]; do
	sleep 1
done
check "a lease of $short s is there after more than that" well renew
# shellcheck disable=SC2154
check_output "and it is the same address" "$address_renew" told_first name renew
renewals() { told_of renew "$address_renew" | wc -l; }
check "Kea renewed it" test "$(renewals)" -ge 4

# What has no such hurry: servers that are slow to answer, or had better not be believed

serve few 10.85.1.1-10.85.1.7 600 300 500
serve lossy 10.86.1.0-10.86.1.255 600 300 500
serve hostile 10.87.1.0-10.87.1.255 600 300 500
# shellcheck disable=SC2154	# by setup_ns
ip -n "$few" addr add 10.85.1.3/16 dev eth0
# shellcheck disable=SC2154
netem() { tc -n "$1" qdisc add dev "$2" root netem loss 10% duplicate 10% 2>/dev/null; }
netem=
# shellcheck disable=SC2154
! netem "$lossy" eth0 || ! netem "$host" lossy || netem=yes
# shellcheck disable=SC2154
background ip netns exec "$hostile" python3 "$(dirname "$0")/hostile.py" eth0 10.87 \
	"$work/hostile"

for name in few lossy hostile; do
	kea_runs $name
done
within 60 test -e "$work/hostile"
pool few 4 16 wait 2000 default off
pool lossy 16 64
pool hostile 2 8

# Fewer addresses than are wanted, one of which is somebody else's

check "a server with seven, and one of them in use: six" within 60 total_is few 6
check "that one is declined" within 5 declined few 10.85.1.3
check "it was never the pool's" eval '! kept_of few | grep -q " 10.85.1.3$"'
ctl pool set few assign create default on
check "six sockets" told many x 6 4 udp
check "a seventh waits in vain" asks EADDRNOTAVAIL open y 4 udp
check "one that does not want to wait" asks EAGAIN open y 4 udpnb
told close x3 >/dev/null
check "but has what another gives back" within 5 told open y 4 udp
ctl pool set renew default on

# Answers that come twice, or not, and some that nobody should believe

if [ -z "$netem" ]; then
	tap_skip "packets lost and repeated" "no netem here"
else
	check "of ten packets one is lost, another comes twice" within 240 total_is lossy 64
	check_output "no address twice" 64 eval "kept_of lossy | cut -d' ' -f3 | sort -u | wc -l"
	check "nor one of which the server does not know" eval \
		"comm -13 <(now_leased lossy | cut -d, -f1 | sort) <(kept_of lossy |
			cut -d' ' -f3 | sort) | wc -l | grep -qx 0"
fi
check "beside one that lies: the stock is filled" within 60 total_is hostile 8
check_output "by the server's" 8 eval "kept_of hostile | grep -c ' 10\\.87\\.1\\.'"
check "and Kea knows of all" within 5 leased_are hostile 8
check "which lied often enough" test "$(cat "$work/hostile")" -ge 300
check_output "and none was lost by that" "" \
	eval "grep 'hostile: .* is \(lost\|refused\)' $work/log || :"

# What became of the servers' leases

check "the server refuses what it does not know: ENETRESET" within 60 reset nak
check "and there are others" within 60 eval \
	"kept_of nak | grep -c ' 10\\.84\\.4\\.' | grep -qx 4"
kea_runs back
while [ $((SECONDS - stopped)) -le $((long + 2)) ]; do
	sleep 1
done
check "the server is back in time: nobody noticed" well back
check_output "and it is the same address" "$address_back" told_first name back
check "the server of those that were lost: there are addresses again" \
	within 90 total_is lost 4

# The clock on the wall: from here on it is not to be asked for the time

until [ -e "$alone" ]; do
	sleep 0.2
done
jump() { date -s "@$(($(date +%s) + $1))" >/dev/null; }
before=$(renewals)
addresses=$(kept | cut -d' ' -f1,3)
check "the clock jumps a day ahead" jump 86400
sleep $((short + 2))
check "the socket is well" well renew
check "its lease was renewed" test "$(renewals)" -gt "$before"
tupled_stop KILL
tupled_start
before=$(renewals)
check "a new daemon, and the clock jumps two days back" jump -172800
sleep $((short + 2))
check "the socket is well" well renew
check "its lease was renewed" test "$(renewals)" -gt "$before"
check_output "and it is the same address" "$address_renew" told_first name renew
check_output "all addresses are those of before" "$addresses" eval "kept | cut -d' ' -f1,3"
jump 86400
