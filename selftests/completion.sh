#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What bash proposes for tuplectl and tuplerun: words of the grammar, and the
# pools, devices, addresses and namespaces that are there.

. "$(dirname "$0")/lib.sh"
need tuplectl tuplerun ip

dir=/usr/share/bash-completion/completions
setup_ns ns
# shellcheck disable=SC2154	# by setup_ns
ip -n "$ns" link add tap7 type dummy
ip link add tap8 type dummy
ip link set tap8 up
ip -n "$ns" link set tap7 up
defer ip link delete tap8
tuplectl -N "$ns" pool add crawl dev tap7 prefix 10.1.0.0/24
tuplectl pool add phones dev tap8 prefix 10.2.0.0/24
defer tuplectl pool del phones force

# propose WORD...: what is proposed for the last one
propose() {
	local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()

	"_$1"
	printf '%s\n' "${COMPREPLY[@]}" | sort -u | xargs
}

# proposed EXPECTED WORD...
proposed() { check_output "${*:2}: $1" "$1" propose "${@:2}"; }

# shellcheck source=tools/completions/tuplectl
. $dir/tuplectl
# shellcheck source=tools/completions/tuplerun
. $dir/tuplerun
check_output "both are registered" 2 eval "complete -p tuplectl tuplerun | wc -l"

proposed "addr help lease monitor pool rule save stats" tuplectl ""
proposed "--prometheus phones" tuplectl stats ""
proposed "lease" tuplectl le
proposed "add del replace set show" tuplectl pool ""
proposed "phones" tuplectl pool show ""
proposed "phones" tuplectl pool replace ""
proposed "default dev dscp" tuplectl pool replace phones d
proposed "crawl" tuplectl -N "$ns" pool show ""
proposed "crawl" tuplectl --netns "$ns" pool del cr
proposed "force" tuplectl pool del phones ""
proposed "tap8" tuplectl pool add new dev ta
proposed "tap7" tuplectl -N "$ns" pool add new dev ta
proposed "address prefix" tuplectl pool add new plumb ""
proposed "prefix priority" tuplectl pool set phones pr
proposed "cgroup process socket user" tuplectl pool set phones scope ""
proposed "inet inet6 off on" tuplectl pool set phones default ""
proposed "phones" tuplectl rule add uid 5 pool ""
proposed "root" tuplectl rule add uid roo
proposed "address pool" tuplectl lease show ""
proposed "$ns" tuplectl -N "${ns%-*}"
proposed "--batch" tuplectl --b
proposed "--replace" tuplectl --r

# An address that somebody holds
background tuplerun -- bash -c 'exec 5<>/dev/tcp/10.2.0.200/1' 2>/dev/null
wait_for 20 eval 'tuplectl lease show | grep -q ^10'
proposed "$(tuplectl lease show | sed -n 's/^\(10[^ ]*\) .*/\1/p')" tuplectl lease kill ""

proposed "phones" tuplerun --pool ""
proposed "process socket" tuplerun --scope ""
proposed "--scope --seccomp" tuplerun --pool phones --s
proposed "tuplectl" tuplerun --pool phones tuplect

# The keys are in the grammar and in the completion, each by hand.
keys=$(tuplectl pool help | sed -n '/pool set/,/pool del/p' | grep -oE '\[[a-z]+ ' |
	tr -d '[ ' | sort -u | xargs)
proposed "$keys" tuplectl pool set phones ""
