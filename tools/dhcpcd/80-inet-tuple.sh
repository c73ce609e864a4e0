# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# For dhcpcd-run-hooks(8): prefixes that are delegated to this host (DHCPv6-PD,
# RFC 9663) are those of a pool of inet_tuple sockets. In dhcpcd.conf(5), for the
# interface by which they come:
#
#	ia_pd 1 -
#	env inet_tuple_pool=NAME [KEY VALUE]...
#
# The pool is made with the first prefix, with these settings. A prefix that is
# delegated no more, or is deprecated, drains: no new socket gets an address of
# it, and it leaves the pool with the last socket that has one. When its lifetime
# ends, these sockets are aborted.
#
# What is known of prefixes is in a file, a line for each: PREFIX, the end of its
# lifetime in seconds since the machine's start, and how it stands: it is to be
# added to the pool, or in it, to stop, to drain, or to be used again. It is where
# the unit lets dhcpcd write what stays when the service is started again. What is
# in it of an earlier start of the machine is of no pool.

inet_tuple_now() { cut -d. -f1 /proc/uptime; }

# What the server has said: PREFIX END use|drain
inet_tuple_delegated() {
	env | awk -F= -v now="$(inet_tuple_now)" '
		match($1, /^new_dhcp6_ia_pd[0-9]+_prefix[0-9]+/) {
			name = substr($1, 1, RLENGTH)
			value[name, substr($1, RLENGTH + 1)] = $2
			names[name]
		}
		END {
			for (name in names)
				if (value[name, "_vltime"] > 0)
					printf "%s/%d %.0f %s\n", value[name, ""],
						value[name, "_length"], now + value[name, "_vltime"],
						(value[name, "_pltime"] > 0) ? "use" : "drain"
		}'
}

# How prefixes stand now that the server has said that. Where it has not spoken of
# one, that lasts as long as it said before; lost: no longer.
inet_tuple_plan() {
	{
		inet_tuple_delegated | sed 's/^/says /'
		cat "$inet_tuple_file"
	} | awk -v lost="$1" '
		$1 == "says" { end[$2] = $3; use[$2] = $4 == "use"; next }
		{
			known[$1]
			state = $3
			if (use[$1])
				state = state == "drain" ? "again" : state == "stop" ? "in" : state
			else if (state == "add")
				next
			else
				state = state == "in" ? "stop" : state == "again" ? "drain" : state
			print $1, lost ? 0 : $1 in end ? end[$1] : $2, state
		}
		END {
			for (prefix in end)
				if (use[prefix] && !(prefix in known))
					print prefix, end[prefix], "add"
		}'
}

inet_tuple_there() { tuplectl pool show "$inet_tuple_name" >/dev/null 2>&1; }
inet_tuple_has() {
	tuplectl pool show "$inet_tuple_name" 2>/dev/null | grep -Eq "(^| )prefix $1( |\$)"
}

# inet_tuple_try WORD...: where it is tried again and again, errors are old.
inet_tuple_try() {
	inet_tuple_error=$(tuplectl "$@" 2>&1) && return
	$inet_tuple_quiet || syslog err "tuplectl $*: $inet_tuple_error"
	return 1
}

inet_tuple_set() { inet_tuple_try pool set "$inet_tuple_name" "$@"; }

inet_tuple_add() {
	if inet_tuple_there; then
		inet_tuple_set prefix "+$1"
	else
		# shellcheck disable=SC2086,SC2154	# words; by dhcpcd
		inet_tuple_try pool add "$inet_tuple_name" dev "$interface" prefix "$1" \
			$inet_tuple_keys
	fi
}

# An address that is leased keeps its prefix in the pool.
inet_tuple_leave() {
	[ "$(inet_tuple_now)" -lt "$2" ] || inet_tuple_try lease kill "$1"
	tuplectl pool set "$inet_tuple_name" exclude "-$1" prefix "-$1" 2>/dev/null
}

# inet_tuple_step PREFIX END STATE: do what is to be done, and tell how it stands.
inet_tuple_step() {
	inet_tuple_state=$3
	case $3 in
	in | again) inet_tuple_has "$1" || inet_tuple_state=add ;;
	stop | drain) inet_tuple_has "$1" || return 0 ;;
	esac
	case $inet_tuple_state in
	add) inet_tuple_add "$1" && inet_tuple_state=in ;;
	again) inet_tuple_set exclude "-$1" && inet_tuple_state=in ;;
	stop) inet_tuple_set exclude "+$1" && inet_tuple_state=drain ;;
	esac
	[ "$inet_tuple_state" != drain ] || ! inet_tuple_leave "$1" "$2" || return 0
	echo "$1 $2 $inet_tuple_state"
}

# New prefixes come before old ones go: inet_tuple_steps, with the plan
inet_tuple_steps() {
	sort -k 3,3 | while read -r inet_tuple_prefix inet_tuple_end inet_tuple_state; do
		inet_tuple_step "$inet_tuple_prefix" "$inet_tuple_end" "$inet_tuple_state"
	done >"$inet_tuple_file.new"
	mv "$inet_tuple_file.new" "$inet_tuple_file"
}

# What is not as it should be, until it is. One process is enough for that.
inet_tuple_go_on() {
	exec 8>"$inet_tuple_file.going"
	flock -w 10 8 || return
	inet_tuple_quiet=true
	while grep -qv ' in$' "$inet_tuple_file"; do
		sleep 3
		(
			flock 9
			inet_tuple_steps <"$inet_tuple_file"
		) 9>"$inet_tuple_file.lock"
	done
}

inet_tuple_main() {
	# shellcheck disable=SC2154	# by dhcpcd.conf
	inet_tuple_name=${inet_tuple_pool%% *}
	inet_tuple_keys=${inet_tuple_pool#"$inet_tuple_name"}
	# shellcheck disable=SC2154	# by dhcpcd
	inet_tuple_file=/var/lib/dhcpcd/inet_tuple.$interface.$inet_tuple_name
	inet_tuple_quiet=false
	[ -e "$inet_tuple_file" ] || : >"$inet_tuple_file"
	(
		flock 9
		inet_tuple_plan "$1" | inet_tuple_steps
	) 9>"$inet_tuple_file.lock"
	inet_tuple_go_on </dev/null >/dev/null 2>&1 &
}

# shellcheck disable=SC2154	# by dhcpcd
case ${inet_tuple_pool:+$reason} in
BOUND6 | RENEW6 | REBIND6 | REBOOT6) inet_tuple_main '' ;;
EXPIRE6 | RELEASE6 | STOP6) inet_tuple_main lost ;;
esac
