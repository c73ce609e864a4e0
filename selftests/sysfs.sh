#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# /sys/class/inet_tuple as Documentation/ABI/testing/sysfs-class-inet_tuple has
# it: every file read and written, what is refused, and whose it is.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/agent.sh"
need tuplectl python3 setpriv unshare

top=/sys/class/inet_tuple
ip link add d0 type dummy
ip link set d0 up
defer ip link del d0
agent_start

put() { echo "$1" >"$2"; }
# is FILE LINE...: it reads exactly these.
is() {
	local file=$1
	shift

	diff <(printf '%s\n' "$@") "$file"
}
declare -A texts=(
	[EINVAL]="Invalid argument"
	[EEXIST]="File exists"
	[ENOENT]="No such file or directory"
	[ENODEV]="No such device"
	[EBUSY]="Device or resource busy"
	[ERANGE]="Numerical result out of range"
	[EOPNOTSUPP]="Operation not supported"
)
# refuses ERRNO FILE TEXT: and the file reads as before.
refuses() {
	local before text

	before=$(<"$2")
	text=$({ printf '%s' "$3" >"$2"; } 2>&1) && echo "it was taken" && return 1
	echo "$text"
	[[ $text == *"write error: ${texts[$1]}" ]] && [ "$before" = "$(<"$2")" ]
}

# pools

check "no pools at first" test -z "$(cat $top/pools)"
check "+NAME" put +p $top/pools
check "+NAME, another, with spaces around" put " +q " $top/pools
check "the names, one a line" is $top/pools p q
check "a directory each" test -d $top/p -a -d $top/q
check "-NAME" put -q $top/pools
check "and it is gone" test ! -e $top/q
check "refused: +p" refuses EEXIST $top/pools +p
for name in p " " + - "+a/b" "+a b" +. +.. +pools +pool/../../x "+$(printf 'x%.0s' {1..32})" \
	"+a +b"; do
	check "refused: '$name'" refuses EINVAL $top/pools "$name"
done
check "refused: -nope" refuses ENOENT $top/pools -nope
long=$(printf 'x%.0s' {1..31})
check "a name of 31 characters" put "+$long" $top/pools
check "is deleted" put "-$long" $top/pools
check "nothing else was made" is $top/pools p
files=$(cd $top/p && find . -maxdepth 1 -type f ! -name uevent -printf '%f\n' | sort | tr '\n' ' ')
check_output "the files are those documented" "assign default device dscp \
excludes in_use mark order plumb prefixes priority quarantine quarantined quota \
scope source state total users wait warm " echo "$files"

# A pool out of files

cd $top/p || exit
check "no device yet" is device ""
check "no prefixes yet" test -z "$(cat prefixes)"
check "nor is it the default" is default off
for word in on inet inet6; do
	check "refused: default $word, with no address" refuses EINVAL default $word
done
check "default off it may be told" put off default
check "such a pool serves nobody" asks EADDRNOTAVAIL open s 4 udp
check "refused: a device that is not there" refuses ENODEV device nope
check "refused: a name too long for one" refuses ENODEV device d0234567890123456
check "device" put d0 device
check "reads" is device d0
check "the same again" put d0 device
check "refused: another" refuses EBUSY device lo
check "prefixes: two at once" put "+10.1.0.0/24 +fd01::/120" prefixes
check "read, one a line" is prefixes 10.1.0.0/24 fd01::/120
check "total" is total $((254 + 255))
check "the first is the default pool" is default on
for text in 10.2.0.0/24 " " "+" "+10.2.0.1/24" "+10.2.0.0/33" "+fd02::/129" \
	"+10.2.0.0/x" "+10.2.0" "+224.0.0.0/8" "+::ffff:10.2.0.0/120" \
	"+10.2.0.0/24 10.3.0.0/24"; do
	check "prefixes refuses '$text'" refuses EINVAL prefixes "$text"
done
check "prefixes refuses an overlap" refuses EEXIST prefixes "+10.3.0.0/24 +10.1.0.128/25"
check "prefixes refuses to take what is not there" refuses ENOENT prefixes -10.9.0.0/24
check "excludes: an address, a range and a prefix" \
	put "+10.1.0.5 +10.1.0.8-10.1.0.15 +fd01::40/122" excludes
check "read" is excludes 10.1.0.5 10.1.0.8-10.1.0.15 fd01::40-fd01::7f
check "total is less" is total $((254 + 255 - 9 - 64))
check "excludes refuses what is outside" refuses ERANGE excludes +10.9.0.1
check "excludes refuses a range of two families" refuses EINVAL excludes +10.1.0.1-fd01::1
check "excludes refuses a range backwards" refuses EINVAL excludes +10.1.0.9-10.1.0.1
check "excludes, taken away" put "-10.1.0.5 -fd01::40/122 -10.1.0.8-10.1.0.15" excludes
check "and none is left" test -z "$(cat excludes)"
check "excludes refuses to take what is not there" refuses ENOENT excludes -10.1.0.5

# Keys: the values and how they read, the one to end with last

while read -r key values; do
	for value in $values; do
		check "$key ${value}" put "${value%=*}" "$key"
		check "$key ${value} reads" is "$key" "${value#*=}"
	done
done <<'KEYS'
plumb prefix address
assign bind create
scope process cgroup user socket
order sequential random lru
quarantine 0 1500 0x10=16 4294967295=auto auto
wait 250 4294967295 0
warm 250 4294967295 0
quota 1 0 unlimited
dscp 0 63 0x2e=46 255=unset unset
priority 0 7 4294967294 unset
mark 1 0xffffffff=4294967295 0=unset unset
default inet off inet6 0=off on 1=on
source static
state draining active
KEYS
while read -r key errno values; do
	for value in $values; do
		check "$key refuses $value" refuses "$errno" "$key" "$value"
	done
done <<'KEYS'
plumb EINVAL route 1 address,prefix
assign EINVAL now
scope EINVAL id 4
order EINVAL fifo
quarantine EINVAL forever -1 1s
quarantine ERANGE 4294967296
wait ERANGE 4294967296
warm ERANGE 4294967296
wait EINVAL auto
quota EINVAL none
dscp ERANGE 64 254
dscp EINVAL ef
priority EINVAL low
mark EINVAL red
default EINVAL perhaps inet4 2
source EINVAL slaac
source EOPNOTSUPP dhcp
state EINVAL dead
users EINVAL 5-3 -1 nobody 4294967295
KEYS
check "users" put "5 10-20" users
check "users reads, one range a line" is users 5 10-20
check "users replaces" put "0" users
check "users reads what is new" is users 0
check "users all" put all users
check "users all reads" is users all
for file in total in_use quarantined; do
	check_fails "$file is not written" sh -c "echo 1 >$file"
done

# What it tells is what tuplectl tells, and the reverse

addr=$(told_first open s 4 udp)
check "in_use" is in_use 1
check "a pool in use is not deleted" refuses EBUSY $top/pools -p
told connect s "$addr" 9 >/dev/null
told close s >/dev/null
check "in_use, after it" is in_use 0
check "quarantined" is quarantined 1
echo "quarantine 7000 quota 9 dscp 46 mark 0x10" | xargs tuplectl pool set p
check "what tuplectl sets is read here" eval "is quarantine 7000 && is quota 9 &&
	is dscp 46 && is mark 16"
echo random >order
check_match "what is written here tuplectl shows" "order random quarantine 7000" \
	tuplectl pool show p
tuplectl pool add r dev d0 prefix 10.5.0.0/24
check "a pool of tuplectl's is here" is $top/r/prefixes 10.5.0.0/24
check "and not the default" is $top/r/default off
echo on >$top/r/default
check "the default of IPv4 is another, that of IPv6 is not" is default inet6
check "refused: the default of what it does not serve" refuses EINVAL $top/r/default inet6
put inet6 default
check "to write what is read changes nothing" eval "is default inet6 && is $top/r/default on"
echo off >default
check "off, of all that it is" is default off
check "and of no other" is $top/r/default on
prefixes=$(for i in {0..255}; do printf '+10.6.%d.0/30 ' "$i"; done)
echo "${prefixes% +10.6.255*}" >$top/r/prefixes
check "a list of 256 that fits is whole" test "$(wc -l <$top/r/prefixes)" = 256
for half in "0 127" "128 254"; do
	# shellcheck disable=SC2086	# two numbers
	for i in $(seq $half); do
		printf '+10.6.%d.1-10.6.%d.2 ' "$i" "$i"
	done | cat >$top/r/excludes
done
check "a list that does not fit a page says so" test "$(tail -n 1 $top/r/excludes)" = "++more++"
before=$(cat $top/r/total)
# sysfs hands over a page at a time: this one ends in 10.5.0.1
check "a write of more than a page is refused, and not cut" python3 -c "import os, sys
fd = os.open('$top/r/excludes', os.O_WRONLY)
try:
	os.write(fd, b' ' * 4087 + b'+10.5.0.10')
except OSError as e:
	sys.exit()
sys.exit('it was taken')"
check "and changes nothing" is $top/r/total "$before"
tuplectl pool del r

# Whose

setup_ns ns
# shellcheck disable=SC2154	# by setup_ns
in_it() { in_ns "$ns" "$@"; }
check "another namespace sees none of it" eval "[ -z \"\$(in_it cat $top/pools)\" ] &&
	in_it test ! -e $top/p"
check "and makes its own" in_it sh -c "echo +own >$top/pools && test -d $top/own"
check "of which this one sees nothing" eval "is $top/pools p && test ! -e $top/own"
check "the same name may be in both" in_it sh -c "echo +p >$top/pools && cat $top/p/total"
check_output "and it is another pool" 0 in_it cat $top/p/total
mode() { stat -c %a "$1"; }
check_output "a key's mode" 644 mode wait
check_output "a count's mode" 444 mode in_use
check_output "the mode of pools" 644 mode $top/pools
chmod 666 wait $top/pools
check_fails "a file's mode is not enough: a key" \
	setpriv --reuid=65534 --clear-groups sh -c "echo 1 >wait"
check_fails "a file's mode is not enough: pools" \
	setpriv --reuid=65534 --clear-groups sh -c "echo +z >$top/pools"
check "and nothing was written" eval "is wait 0 && is $top/pools p"
check "anybody reads" setpriv --reuid=65534 --clear-groups cat wait $top/pools
check "root of a user namespace changes a pool of its own" \
	setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urnm sh -c "
		mount -t sysfs none /sys && ip link add d9 type dummy &&
		tuplectl pool add n dev d9 prefix 10.1.0.0/24 &&
		echo 5 >$top/n/wait && grep -qx 5 $top/n/wait"

# A file that somebody holds open while its pool goes

exec 5<>$top/p/wait
cd /
check "a pool goes while a file of it is open" put -p $top/pools
check_fails "and the file is dead" sh -c 'echo 5 >&5'
exec 5>&-
check "a name may be used again" put +p $top/pools
put -p $top/pools
again() {
	for _ in {1..50}; do
		put +p $top/pools && put d0 $top/p/device &&
			put +10.1.0.0/24 $top/p/prefixes && put -p $top/pools || return
	done
}
check "made and deleted 50 times" again
