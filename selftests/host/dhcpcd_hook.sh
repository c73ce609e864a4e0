#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The hook of dhcpcd that gives delegated prefixes to a pool, with a tuplectl
# that the test plays: what a server may say, in what order. The real ones are in
# selftests/dhcp_pd.sh.

hook=$(cd "$(dirname "$0")/../.." && pwd)/tools/dhcpcd/80-inet-tuple.sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

report() {
	n=$((n + 1))
	if "${@:2}"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		cat "$dir"/{pool,lib/inet_tuple*,said,calls} 2>&1 | sed 's/^/# /'
		failed=1
	fi
}

# A line for each prefix, "drain" in it if that is excluded, "busy" if it is leased.
mkdir "$dir/bin" "$dir/lib"
cat >"$dir/bin/tuplectl" <<'TUPLECTL'
#!/bin/bash
echo "$*" >>"$dir/calls"
pool=$dir/pool
refuse() { echo "refused: $*" >&2; exit 1; }
has() { grep -q "^$1\b.*${2:-}" "$pool"; }
case "$1 $2" in
"pool add")
	[ ! -e "$pool" ] || refuse "$@"
	echo "$7" >"$pool"
	exit
	;;
"lease kill") sed -i "s,^\($3\)\(.*\) busy,\1\2," "$pool"; exit ;;
esac
[ -e "$pool" ] || refuse "$@"
[ "$2" != show ] || { echo "phones dev eth0"; sed 's/^\([^ ]*\).*/    prefix \1/' "$pool" | paste -s -d " "; }
shift 3
while [ $# -gt 0 ]; do
	prefix=${2#?}
	case $1$2 in
	prefix+*) ! has "$prefix" && echo "$prefix" >>"$pool" || refuse "$@" ;;
	exclude+*) has "$prefix" && ! has "$prefix" drain && sed -i "s,^$prefix,& drain," "$pool" || refuse "$@" ;;
	exclude-*) has "$prefix" drain && last=$4 || refuse "$@"
		[ "$last" != "-$prefix" ] || ! has "$prefix" busy || refuse busy
		sed -i "s,^\($prefix\) drain,\1," "$pool"
		;;
	prefix-*) has "$prefix" && sed -i "\,^$prefix,d" "$pool" || refuse "$@" ;;
	esac
	shift 2
done
TUPLECTL
printf '#!/bin/sh\nexec /bin/sleep 0.1\n' >"$dir/bin/sleep"
chmod +x "$dir"/bin/*
sed "s,/var/lib/dhcpcd,$dir/lib," "$hook" >"$dir/hook"

# says REASON [PREFIX PREFERRED VALID]...: as dhcpcd has it from its server
says() {
	local reason=$1 i=0 variables=()
	shift

	while [ $# -gt 0 ]; do
		i=$((i + 1))
		variables+=("new_dhcp6_ia_pd1_prefix${i}=$1"
			"new_dhcp6_ia_pd1_prefix${i}_length=64"
			"new_dhcp6_ia_pd1_prefix${i}_pltime=$2"
			"new_dhcp6_ia_pd1_prefix${i}_vltime=$3")
		shift 3
	done
	# shellcheck disable=SC2016	# the inner shell's
	env "${variables[@]}" PATH="$dir/bin:$PATH" dir="$dir" interface=eth0 \
		reason="$reason" inet_tuple_pool="${settings-phones order random}" sh -c '
		syslog() { echo "$*"; }
		. "$dir/hook"' >>"$dir/said" 2>&1
}
# pool LINE...: it has these prefixes, sorted, soon
pool() {
	local i

	for i in {1..100}; do
		[ "$(sort "$dir/pool" | paste -sd,)" = "$(IFS=,; echo "$*")" ] && return
		sleep 0.1
	done
	return 1
}
busy() { sed -i "s,^$1.*,& busy," "$dir/pool"; }
idle() { sed -i 's/ busy//' "$dir/pool"; }
one=2001:db8:1:: two=2001:db8:2::

settings='' says BOUND6 $one 60 90
report "without a pool's name nothing is done" [ ! -e "$dir/calls" ]
says CARRIER
report "nor for what is no matter of prefixes" [ ! -e "$dir/calls" ]
says BOUND6 $one 60 90
report "the first prefix makes the pool" grep -qx \
	"pool add phones dev eth0 prefix $one/64 order random" "$dir/calls"
report "and is in it" pool $one/64
: >"$dir/calls"
says RENEW6 $one 60 90
only_looked() { ! grep -qv "^pool show" "$dir/calls"; }
report "a renewal changes nothing" only_looked
says RENEW6 $two 60 90 $one 0 0
report "another instead: the old one leaves, as nobody uses it" pool $two/64
busy $two/64
says REBIND6 $one 60 90 $two 0 60
report "one that is deprecated drains while it is used" pool $one/64 "$two/64 drain busy"
sleep 1
report "for longer, too" pool $one/64 "$two/64 drain busy"
says RENEW6 $one 60 90 $two 60 90
report "it may be used again" pool $one/64 "$two/64 busy"
says RENEW6 $one 60 90
report "it is not spoken of any more: it drains" pool $one/64 "$two/64 drain busy"
idle
report "it is not used any more: it leaves" pool $one/64
busy $one/64
says RENEW6 $one 0 2 $two 60 90
report "one with two seconds left drains" pool "$one/64 drain busy" $two/64
report "and when they are over, its sockets are aborted" pool $two/64
report "by name" grep -qx "lease kill $one/64" "$dir/calls"
says RENEW6 $two 60 90 $one 0 60
report "one that is deprecated is not taken" pool $two/64
says RENEW6 $two 60 4294967295
report "one for ever" grep -qE "^$two/64 4[0-9]{9} in$" "$dir"/lib/inet_tuple.eth0.phones
busy $two/64
says EXPIRE6
report "no server any more: all leave at once" pool ""
report "with their sockets" grep -qx "lease kill $two/64" "$dir/calls"
says BOUND6 $one 60 90
report "a server again" pool $one/64
rm "$dir/pool"
says REBOOT6 $two 60 90
report "another start of the machine: what was is of no pool" pool $two/64
echo 2001:db8:9::/64 >"$dir/pool"
says BOUND6 $two 60 90
report "one in the pool of somebody else's stays" pool $two/64 2001:db8:9::/64
says RELEASE6
report "also when all of ours leave" pool 2001:db8:9::/64
says BOUND6 $one 60 90
says STOP6
report "be it that the client ends" pool 2001:db8:9::/64
nothing_refused() { ! grep -q refused "$dir/said"; }
report "nothing was refused but what was busy" nothing_refused
echo "1..$n"
exit $failed
