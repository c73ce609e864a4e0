#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tuplectl against the module: the whole grammar, what is refused and in which
# words, and that a refusal changes nothing.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl python3 setpriv unshare

setup_ns ns
# shellcheck disable=SC2154	# by setup_ns
ip -n "$ns" -batch - <<'IP'
link add d0 type dummy
link set d0 up
link add d1 type dummy
link set d1 up
IP
work=$(mktemp -d)
defer rm -rf "$work"
agent_start
ask ns "$ns" >/dev/null

ctl() { tuplectl -N "$ns" "$@"; }

# refused NAME STATUS REGEX WORD...: with that exit status and a text that
# matches, and nothing is changed by it.
refused() {
	local name=$1 status=$2 regex=$3 before after got=0 text
	shift 3

	before=$(ctl save)
	text=$(ctl "$@" 2>&1 >/dev/null) || got=$?
	after=$(ctl save)
	if [ $got = "$status" ] && grep -qE -- "$regex" <<<"$text" &&
		[ "$before" = "$after" ]; then
		tap_ok "$name"
		return
	fi
	tap_not_ok "$name"
	note "tuplectl $* = $got, expected $status and $regex: $text"
	[ "$before" = "$after" ] || note "it changed: $before: to: $after"
}

# A value of the only pool that is shown, as python sees it.
json() {
	tuplectl -N "$ns" -j "${@:2}" | python3 -c "import json, sys
v = json.load(sys.stdin)
print($1)"
}

# Pools

check "pool add" ctl pool add p dev d0 prefix 10.1.0.0/24
check_match "pool show" "^p dev d0 total 254 in_use 0 quarantined 0$" ctl pool show p
check_match "pool show: the prefix" "^ +prefix 10.1.0.0/24$" ctl pool show
check_output "the defaults" \
	"address create socket lru None 0 None None None None True static active None" \
	json "*(v[0][k] for k in 'plumb assign scope order quarantine wait quota \
dscp priority mark default source state users'.split())" pool show p
check_output "a list of them is JSON" "p d0 ['10.1.0.0/24'] [] 254 0 0" \
	json "*(v[0][k] for k in 'name dev prefixes excludes total in_use \
quarantined'.split())" pool show
check_output "objects and commands may be shortened" "$(ctl pool show p)" ctl p s p
check_output "show is what comes without a command" "$(ctl pool show)" ctl pool
check "an empty list is JSON" test "$(ctl -j rule show)" = "[]"

# Every value of every key: set it, and read it back.
sweep() {
	local key=$1 value
	shift

	for value; do
		echo "pool set p $key $value"
		echo "pool show p"
	done
}
{
	sweep plumb prefix address
	sweep assign bind create
	sweep scope process cgroup user socket
	sweep order sequential random lru
	sweep quarantine 0 1500 4294967294 auto
	sweep wait 0 250 4294967295
	sweep warm 500 4294967295 0
	sweep quota 0 1 4294967294 unlimited
	sweep dscp 0 63 46 unset
	sweep priority 0 7 4294967294 unset
	sweep mark 0x1 0xffffffff unset
	sweep default off on
	sweep source static
	sweep state draining active
	sweep users 0 1000-2000 all
} >"$work/sweep"
sweep=$(ctl -b "$work/sweep" 2>&1)
check "every key takes every value" test "$(grep -c '^p dev' <<<"$sweep")" = \
	"$(grep -c show "$work/sweep")"
missing=$(paste <(sed -n 's/^pool set p //p' "$work/sweep") \
	<(sed -n '/ plumb /s/$/ /p' <<<"$sweep") |
	while IFS=$'\t' read -r set shown; do
		[[ $shown == *" $set "* ]] || echo "$set: $shown"
	done)
check_output "and shows it" "" echo "$missing"
ctl pool set p mark 0 dscp ef priority 0x10
check_match "numbers: 0 is no mark, a DSCP by name, hexadecimal" \
	"dscp 46 priority 16 mark unset" ctl pool show p
ctl pool set p dscp unset priority unset wait 0
save=$(ctl save)
check_output "save: what is not as by default" \
	"pool add p dev d0 prefix 10.1.0.0/24 order lru default on" ctl save

while read -r key words; do
	for word in $words; do
		refused "$key $word" 2 "^tuplectl: $key: '$word' is not " \
			pool set p "$key" "$word"
	done
done <<'KEYS'
plumb route 0
assign connect
scope id
order fifo
quarantine 4294967295 -1 1s
wait 4294967296
warm 4294967296 auto
quota 4294967295
dscp 64 255 eff
priority 4294967295
mark 0x100000000 08x
default yes
source slaac
state dead
users 5-3 -1 4294967295 nosuchuser
KEYS
refused "source dhcp" 1 "source of a pool is fixed" pool set p source dhcp
refused "a mark" 1 "Marks are for a source of dhcp" pool set p low 1
check_output "users: a list of ranges" "[{'first': 5, 'last': 5}, {'first': 10, 'last': 20}]" \
	eval "tuplectl -N $ns pool set p users 5 users 10-20 &&
		json \"v[0]['users']\" pool show p"
ctl pool set p users all

check "prefix and exclude, added" ctl pool set p prefix +10.2.0.0/25 prefix +fd01::/120 \
	exclude +10.1.0.5 exclude +10.2.0.8-10.2.0.15 exclude +fd01::80/122
check_output "prefix and exclude, in JSON" \
	"['10.1.0.0/24', '10.2.0.0/25', 'fd01::/120'] ['10.1.0.5', '10.2.0.8-10.2.0.15', 'fd01::80-fd01::bf'] $((254 + 126 + 255 - 73))" \
	json "v[0]['prefixes'], v[0]['excludes'], v[0]['total']" pool show p
refused "a prefix that goes takes no exclude with it" 1 "outside" \
	pool set p prefix -10.2.0.0/25
check "prefix and exclude, taken away" ctl pool set p prefix -10.2.0.0/25 \
	prefix -fd01::/120 exclude -10.1.0.5 exclude -10.2.0.8-10.2.0.15 \
	exclude -fd01::80/122
check_output "and all is as it was" "$save" ctl save

# What is refused

refused "overlap within a pool" 1 "overlap" \
	pool add q dev d0 prefix 10.3.0.0/16 prefix 10.3.4.0/24
refused "the same prefix twice" 1 "overlap" \
	pool add q dev d0 prefix 10.3.0.0/16 prefix 10.3.0.0/16
refused "overlap with another pool" 1 "overlaps one of another pool" \
	pool add q dev d1 prefix 10.1.0.128/25
refused "overlap with another pool, set" 1 "overlap" pool set p prefix +10.1.0.0/16
refused "host bits" 1 "host bits" pool add q dev d0 prefix 10.3.0.1/24
refused "host bits, IPv6" 1 "host bits" pool add q dev d0 prefix fd02::1/64
refused "an exclude outside" 1 "outside" \
	pool add q dev d0 prefix 10.3.0.0/24 exclude 10.4.0.1
refused "an exclude half outside" 1 "outside" \
	pool add q dev d0 prefix 10.3.0.0/24 exclude 10.3.0.250-10.3.1.5
refused "a range that ends before it starts" 1 "ends before" \
	pool add q dev d0 prefix 10.3.0.0/24 exclude 10.3.0.5-10.3.0.4
refused "a range of two families" 2 "'10.3.0.5-fd01::4' is not" \
	pool add q dev d0 prefix 10.3.0.0/24 exclude 10.3.0.5-fd01::4
refused "multicast" 1 "unicast" pool add q dev d0 prefix 224.0.0.0/24
refused "the zero network" 1 "unicast" pool add q dev d0 prefix 0.0.0.0/0
refused "link-local IPv6" 1 "unicast" pool add q dev d0 prefix fe80::/64
refused "v4-mapped IPv6" 1 "4 bytes|unicast|IPv4" \
	pool add q dev d0 prefix ::ffff:10.5.0.0/120
long=$(printf 'x%.0s' {1..32})
refused "a name of 32 characters" 1 "." pool add "$long" dev d0 prefix 10.3.0.0/24
check "a name of 31 characters" ctl pool add "${long%x}" dev d0 prefix 10.3.0.0/24
check "is deleted" ctl pool del "${long%x}"
for name in a/b "a b" . .. pools "" $'a\tb' $'a\nb'; do
	refused "the name $(printf '%q' "$name")" 1 "." \
		pool add "$name" dev d0 prefix 10.3.0.0/24
done
refused "no such device" 1 "no such device.*(dev)?" pool add q dev nope prefix 10.3.0.0/24
refused "the name of a pool there is" 1 "exists" pool add p dev d0 prefix 10.3.0.0/24
refused "no such pool, set" 1 "[Nn]o such pool" pool set q quota 3
refused "no such pool, del" 1 "[Nn]o such pool" pool del q
refused "no such pool, show" 1 "[Nn]o such pool" pool show q
# the kernels before 6.2 drop the text of a dump that does not start
refused "no such pool, leases" 1 "[Nn]o such " lease show pool q
refused "no such pool, the lease of an address" 1 "[Nn]o such " \
	lease show pool q address 10.1.0.1
refused "no such prefix" 1 "no such prefix" pool set p prefix -10.9.0.0/24
refused "no such exclude" 1 "no such exclude" pool set p exclude -10.1.0.9
refused "all of a set or nothing" 1 "overlap" \
	pool set p quota 7 prefix +10.3.0.0/24 prefix +10.3.0.0/25
refused "kill of what is not leased" 1 "." lease kill 10.1.0.1

refused "no device" 2 "'dev' is missing" pool add q prefix 10.3.0.0/24
refused "no prefix" 2 "'prefix' is missing" pool add q dev d0
refused "no name" 2 "name of the pool is missing" pool add
refused "no value" 2 "'quota' needs a value" pool set p quota
refused "nothing to set" 2 "nothing to set" pool set p
refused "twice" 2 "given twice" pool set p quota 1 quota 2
refused "an unknown setting" 2 "'colour' is not a setting" pool set p colour red
refused "an unknown object" 2 "'poodle' is not an object" poodle show
refused "an unknown command" 2 "'paint' is not a command of pool" pool paint p
refused "not an address" 2 "'\+10.1.0' is not" pool set p exclude +10.1.0
refused "not a prefix" 2 "'\+10.3.0.0/33' is not" pool set p prefix +10.3.0.0/33
refused "neither plus nor minus" 2 "needs a \+" pool set p prefix 10.3.0.0/24
refused "a device cannot be changed" 2 "cannot be changed" pool set p dev d1
refused "words after a del" 2 "'now' is not understood" pool del p now
refused "usage with it" 2 "^Usage: tuplectl pool add" pool add q
refused "an unknown option" 2 "." --paint pool show
refused "kill of no address" 2 "'p' is not an address" lease kill p
check "no words at all: 2" eval 'tuplectl 2>/dev/null; [ $? = 2 ]'
check_match "no such namespace" "namespace 'nowhere'" \
	eval '! tuplectl -N nowhere pool show 2>&1'
check "and one that is not ours is not touched" test -z "$(tuplectl save)"

# Rules

ctl pool add q dev d1 prefix 10.4.0.0/24 prefix fd04::/64
mkdir -p /sys/fs/cgroup/tuplectl.test
defer rmdir /sys/fs/cgroup/tuplectl.test
check "rule add uid" ctl rule add uid 1000 pool q
check "rule add gid" ctl rule add gid 5 pool p
check "rule add cgroup, by its place in the file system" \
	ctl rule add cgroup /sys/fs/cgroup/tuplectl.test uid 3 gid 4 pool q
rules="uid 1000 pool q
gid 5 pool p
uid 3 gid 4 cgroup /tuplectl.test pool q"
check_output "rule show, in order" "$rules" ctl rule show
check_output "rule show, JSON" "1000 None None q | None 5 None p | 3 4 /tuplectl.test q" \
	json "' | '.join(' '.join(str(r[k]) for k in \
('uid', 'gid', 'cgroup', 'pool')) for r in v)" rule show
refused "a rule twice" 1 "[Tt]here is such a rule" rule add uid 1000 pool q
refused "a rule for no pool" 1 "[Nn]o such pool" rule add uid 1 pool nope
refused "a rule without pool" 2 "'pool' is missing" rule add uid 1
refused "a rule without condition" 2 "." rule add pool p
refused "a rule of no cgroup" 1 "no such cgroup" rule add cgroup /nowhere pool p
refused "a rule of no user" 2 "'nosuchuser' is not a user" \
	rule add uid nosuchuser pool p
refused "no such rule" 1 "[Nn]o such rule" rule del uid 1001 pool q

# Batches, and save as one

ctl pool set q exclude +10.4.0.9 quarantine 100 scope user mark 0x20 order random \
	quota 17 dscp 8 priority 3 users 1-5 users 7 default on assign bind wait 5
ctl save >"$work/save"
flush() {
	ctl pool del p && ctl pool del q || return
	ctl rule show | sed 's/^/rule del /' | ctl -b -
}
check "all that was saved is deleted" flush
check_output "and nothing is left" "" ctl save

# The default of each family, of which a file tells the truth

defaults() {
	ctl save | sed -n 's/^pool add \([^ ]*\) .* default \([^ ]*\).*/\1 \2/p' | xargs
}
ctl pool add a dev d0 prefix 10.1.0.0/24 prefix fd01::/64
ctl pool set a prefix -fd01::/64
ctl pool add b dev d0 prefix fd02::/64
check_output "default: the next pool of a family that the first no longer serves" \
	"a on b on" defaults
ctl pool set b default off
ctl pool set b prefix +fd03::/64
check_output "default: what was given up is not taken with a prefix" "a on b off" defaults
ctl pool set b default on
ctl pool set a prefix +fd01::/64
ctl pool set a exclude +10.1.0.0/24
check_output "default: not of what is all excluded" "a off b on" defaults
ctl pool set a exclude -10.1.0.0/24
check_output "default: the first pool of a family again" "a inet b on" defaults
ctl pool del a
ctl pool del b

ctl pool add a dev d0 prefix 10.1.0.0/24
ctl pool add b dev d0 prefix 10.2.0.0/24 prefix fd02::/64
check_output "default: the first pool of each family" "a on b inet6" defaults
ctl save >"$work/default"
check "default: what was saved is applied to what is there" ctl -f -r -b "$work/default"
check_output "default: and changes nothing" "a on b inet6" defaults
ctl pool del a
ctl pool del b
check "default: what was saved is made" ctl -b "$work/default"
check_output "default: as it was" "a on b inet6" defaults
check_match "default: shown" " default inet6 " ctl pool show b
check_output "default: JSON" "True inet6" json "*(p['default'] for p in v)" pool show
ctl pool set b default inet
check_output "default inet: the one and not the other" "a off b inet" defaults
check_output "default inet: JSON" "False inet" json "*(p['default'] for p in v)" pool show
ctl pool set b prefix +10.3.0.0/24
check_output "default inet: what was given up is not taken with a prefix" "a off b inet" defaults
ctl pool set b default on
check_output "default on: both" "a off b on" defaults
ctl pool set a default inet
check_output "default inet: of a pool of IPv4, all" "a on b inet6" defaults
refused "default: a family that is not served" 1 "needs an IPv6 address$" pool set a default inet6
refused "default: a new pool" 1 "needs an IPv6 address$" \
	pool add c dev d0 prefix 10.9.0.0/24 default inet6
refused "default: no address" 1 "needs an address$" \
	pool set a exclude +10.1.0.0/24 default on
refused "default: its last one" 1 "needs an IPv6 address$" pool set b prefix -fd02::/64 default inet6
ctl pool del a
ctl pool del b

check "a batch file makes it again" ctl -b "$work/save"
check_output "exactly" "$(cat "$work/save")" ctl save
ctl pool add by_itself dev d0 prefix 10.6.0.0/24 prefix fd06::/64
ctl pool add as_asked dev d0 prefix 10.7.0.0/24 prefix fd07::/64 order lru
check_output "an order that was asked for is saved, though it looks as by default" \
	"pool add as_asked dev d0 prefix 10.7.0.0/24 prefix fd07::/64 order lru default off" \
	eval "ctl save | grep '/64 .*order lru'"
ctl pool del by_itself
ctl pool del as_asked

cat >"$work/bad" <<'BATCH'
# a comment, and an empty line

pool add r dev d0 prefix 10.5.0.0/24
pool add s dev \
	nope prefix 10.6.0.0/24
pool add t dev d0 prefix 10.7.0.0/24
BATCH
check_match "a batch names file and line of what is refused" \
	"^tuplectl: $work/bad:4: no such device" eval "! tuplectl -N $ns -b $work/bad 2>&1"
check_match "the lines before it are done" "^r$" json "v[0]['name']" pool show r
refused "and those behind it are not" 1 "[Nn]o such pool" pool show t
ctl pool del r
check_match "-f goes on behind it" ":4: " eval "! tuplectl -N $ns -f -b $work/bad 2>&1"
check_match "and does the others" "^t$" json "v[0]['name']" pool show t
ctl pool del r
ctl pool del t
printf 'pool add "u v\n' >"$work/bad"
check_match "a quote that is not closed" "$work/bad:1: .*not closed" \
	eval "! tuplectl -N $ns -b $work/bad 2>&1"
check_match "a batch file that is not there" "No such file" \
	eval "! tuplectl -N $ns -b $work/none 2>&1"
check "quoted words" ctl -b - <<'BATCH'
pool add "w'x" dev 'd0' prefix 10.8.0.0/2"4"   # and a comment
BATCH
check_match "are saved so that a batch reads them" "^pool add \"w'x\" dev d0 " ctl save
check "a name is deleted" ctl pool del "w'x"

# What cannot be made by a batch is a comment in it
ctl pool add bare dev d0 prefix 10.8.0.0/24
ctl rule add uid 1003 pool bare
ctl pool set bare prefix -10.8.0.0/24
in_ns "$ns" sh -c 'echo +deviceless >/sys/class/inet_tuple/pools'
ctl save >"$work/save"
check_match "a pool without a prefix is saved as a comment" \
	"^# pool add bare dev d0 .*# no prefix$" cat "$work/save"
check_match "and so is its rule" "^# rule add uid 1003 pool bare +# pool not saved$" \
	cat "$work/save"
check_match "and a pool without a device" "^# pool add deviceless .*# no device$" \
	cat "$work/save"
check "so that the others can be made again" ctl -r -b "$work/save"
ctl rule del uid 1003 pool bare
ctl pool del bare
ctl pool del deviceless

# Replace: a pool becomes as a new one of the same words, under its sockets

r() { ctl save | grep "^pool add $1 "; }
goes_on() { asks "ok 1" send c x && asks "ok x" recv s; }
check "replace: a pool that is not there" ctl pool replace r dev d0 prefix 10.5.0.0/24 \
	default on
server=$(told_first open l 4 tcp)
told listen l >/dev/null
port=$(told name l)
told open c 4 tcp >/dev/null
told connect c "$server" "${port#* }" >/dev/null
told accept l s >/dev/null
check "replace: a connection is there" goes_on
every="prefix 10.5.1.0/24 prefix 10.5.0.0/24 exclude 10.5.0.200-10.5.0.209 assign bind \
scope process order random quarantine 7 wait 8 quota 9 dscp 10 priority 11 mark 0xc \
default off state draining users 13 users 14-15"
# shellcheck disable=SC2086	# words they are
check "replace: every setting" ctl pool replace r dev d0 $every
check_output "replace: is as it says" "pool add r dev d0 $every" r r
check "replace: the connection goes on" goes_on
check "replace: no setting" ctl pool replace r dev d0 prefix 10.5.0.0/24
check_output "replace: the rest is as by default" \
	"pool add r dev d0 prefix 10.5.0.0/24 order lru default off" r r
refused "replace: addresses in use" 1 "Addresses of the prefix are leased" \
	pool replace r dev d0 prefix 10.6.0.0/24
refused "replace: the plumbing of these" 1 "Plumbing cannot change" \
	pool replace r dev d0 prefix 10.5.0.0/24 plumb prefix
refused "replace: the device" 1 "has a device" pool replace r dev d1 prefix 10.5.0.0/24
refused "replace: the source" 1 "source of a pool is fixed" pool replace r dev d0 source dhcp
refused "replace: a prefix of another pool" 1 "overlaps one of another" \
	pool replace r dev d0 prefix 10.5.0.0/24 prefix 10.1.0.0/24
check "replace: the connection goes on" goes_on
ctl pool add s dev d0 source dhcp
save=$(r s)
ctl pool replace s dev d0 source dhcp low 4 high 16 wait 1
check_match "replace: marks" "wait 1 .*low 4 high 16" r s
ctl pool replace s dev d0 source dhcp
check_output "replace: marks as by default" "$save" r s
ctl pool del s
ctl pool add s dev d0 prefix fd05::/64 order sequential
ctl pool replace s dev d0 prefix fd05::/64
check_match "replace: order as by default" "order random" r s
ctl pool del s
excludes=()
for i in {0..1023}; do
	excludes+=(exclude 10.8.$((i / 200)).$((i % 200)))
done
for i in 1 2; do
	check "replace: as many excludes as there can be, $i" \
		ctl pool replace s dev d0 prefix 10.8.0.0/16 "${excludes[@]}"
done
check_output "replace: and no more" $((65534 - 1023)) json "v[0]['total']" pool show s
ctl pool del s

ctl save >"$work/save"
check_fails "what was saved is there already" ctl -b "$work/save"
check "with -r it may be" ctl -r -b "$work/save"
check_output "and is" "$(cat "$work/save")" ctl save
check "and the connection goes on" goes_on
told close s c l >/dev/null
ctl pool del r force

# Leases and events

ctl monitor >"$work/text" 2>&1 &
defer kill $!
ctl -j monitor >"$work/json" 2>&1 &
defer kill $!
# there is no telling when they listen, but by what they hear
hears() {
	ctl pool set p wait 0
	grep -q pool_set "$work/json" && grep -q "pool set" "$work/text"
}
check "monitor hears of a pool" wait_for 20 hears
ctl pool set p default on quarantine 60000
addr=$(told_first open a 4 udp)
check_match "lease show" "^$addr +p +active +socket .* 1$" ctl lease show
check_match "lease show: the socket and who has it" \
	"^ +udp +UNCONN .*user root users:\(\(\"python3\",pid=$AGENT_PID," ctl lease show
check_output "lease show in JSON" "$addr p active socket 1 udp $AGENT_PID" json \
	"*(v[0][k] for k in ('address', 'pool', 'state', 'scope', 'socket_count')), \
v[0]['sockets'][0]['protocol'], v[0]['sockets'][0]['owners'][0]['pid']" lease show
check_output "lease show pool" "1" json "len(v)" lease show pool p
check_output "lease show of another pool" "0" json "len(v)" lease show pool q
check_output "lease show address" "1" json "len(v)" lease show address "$addr"
check_output "lease show of another address" "0" json "len(v)" \
	lease show address 10.1.0.250
check "a pool in use is not deleted" eval "! ctl pool del p"
check "lease kill" ctl lease kill "$addr"
check "the socket hears of it" asks "ok ECONNABORTED" error a
check_output "the address rests" "quarantine True" \
	json "v[0]['state'], 0 < v[0]['left_ms'] <= 60000" lease show address "$addr"
told close a >/dev/null
refused "a lease is killed once" 1 "." lease kill "$addr"
told many k 3 4 udp >/dev/null
check "lease kill of a prefix with none" ctl lease kill 10.1.0.128/25
check "leaves those of another" asks "ok 0" error k0
check "lease kill of a prefix" ctl lease kill 10.1.0.0/25
for k in k0 k1 k2; do
	check "a socket of it hears of it" asks "ok ECONNABORTED" error $k
done
told close_many k 3 >/dev/null
ctl rule add uid 77 pool p
ctl rule del uid 77 pool p
ctl pool add r dev d0 prefix 10.5.0.0/24
check "pool del force" ctl pool del r force
wait_for 5 grep -q pool_del "$work/json"
for event in pool_new pool_set pool_del lease_new lease_del rule_new rule_del; do
	check_match "monitor -j: $event" "\"event\":\"$event\"" cat "$work/json"
	check_match "monitor: ${event/_/ }" \
		"^[0-9-]+T[0-9:.]+ ${event/_/ } .*(p|q|r)" cat "$work/text"
done
check "each line is JSON" python3 -c "import json
for line in open('$work/json'):
	e = json.loads(line)
	assert e['event'] and e['time'].endswith('Z'), e"
check_match "monitor: the lease's address and pool" "lease new $addr pool p " cat "$work/text"

# Stats

ctl pool add few dev d0 prefix 10.6.0.0/30 quarantine 0 default on
for id in x y; do
	told open $id 4 udp >/dev/null
done
check "a third of two is not to be had" asks EADDRNOTAVAIL open z 4 udp
check "nor a fourth" asks EADDRNOTAVAIL open z 4 udp
told close x >/dev/null
check_match "stats: what there is" "^few dev d0 total 2 in_use 1 quarantined 0$" \
	ctl stats few
check_match "stats: what there was" \
	"^ +free 1 peak 2 assigned 2 ended 1 held [0-9]+\.[0-9]{3}s$" ctl stats few
check_match "stats: what failed" "^ +failed EADDRNOTAVAIL 2$" ctl stats few
check_output "stats in JSON" "few d0 2 1 0 1 2 2 1 {'EADDRNOTAVAIL': 2}" json \
	"*(v[0][k] for k in 'name dev total in_use quarantined free peak assigned ended \
failed'.split())" stats few
check_match "stats for Prometheus" \
	'^inet_tuple_pool_failed_total\{pool="few",dev="d0",errno="EADDRNOTAVAIL"\} 2$' \
	ctl stats --prometheus
told close y >/dev/null
ctl pool del few force
ctl pool set p default on

# Who may

nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
in_it() { in_ns "$ns" "$@"; }
check_output "anybody may look" "$(ctl pool show)" in_it setpriv --reuid=65534 \
	--regid=65534 --clear-groups tuplectl pool show
check "at leases and rules, too" in_it setpriv --reuid=65534 --regid=65534 \
	--clear-groups sh -c 'tuplectl lease show && tuplectl rule show'
save=$(ctl save)
for words in "pool add z dev d0 prefix 10.9.0.0/24" \
	"pool replace p dev d0 prefix 10.1.0.0/24" "pool set p quota 1" "pool del p" \
	"rule add uid 9 pool p" "rule del gid 5 pool p" "lease kill 10.1.0.1"; do
	# shellcheck disable=SC2086	# words they are
	check "nobody may not: $words" eval "in_it setpriv --reuid=65534 \
		--regid=65534 --clear-groups tuplectl $words 2>/dev/null; [ \$? = 1 ]"
done
check_output "nothing changed" "$save" ctl save
check_output "in a user namespace of theirs, they do as they like" \
	"pool add n dev d9 prefix 10.1.0.0/24 default on" \
	nobody unshare -Urn sh -c 'ip link add d9 type dummy && ip link set d9 up &&
		tuplectl pool add n dev d9 prefix 10.1.0.0/24 && tuplectl save'
# the rules of a pool that goes
ctl pool del q
check_match "a rule outlives its pool" "pool q" ctl rule show
ctl save >"$work/save"
check_match "and is saved as a comment" "^# rule add uid 1000 pool q +# no such pool$" \
	cat "$work/save"
check "so that what was saved can be made again" ctl -r -b "$work/save"
ctl pool del p force
rmmod_refs() { [ "$(cat /sys/module/inet_tuple/refcnt)" = 0 ]; }
kill "$AGENT_PID"
check "nothing holds the module" wait_for 10 rmmod_refs
