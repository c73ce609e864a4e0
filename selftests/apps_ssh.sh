#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ssh and sshd, either of them run by tuplerun, and both.

. "$(dirname "$0")/lib.sh"
need tuplerun tuplectl ssh sshd ssh-keygen
. "$(dirname "$0")/apps.sh"

mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
cat >"$work/sshd_config" <<-CONF
	HostKey $work/key
	AuthorizedKeysFile $work/key.pub
	PidFile none
	PermitRootLogin yes
	StrictModes no
	UsePAM no
	UseDNS no
CONF
# sshd wants its path, and executes itself again for each connection
sshd="$(command -v sshd) -D -e -f $work/sshd_config"
ssh="ssh -n -i $work/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
	-o LogLevel=ERROR -o ConnectTimeout=30"
# shellcheck disable=SC2086	# words
serve $sshd
# shellcheck disable=SC2086
serve_here --pool many $sshd -o ListenAddress=0.0.0.0
reachable 22
wait_for $((20 * factor)) listens "$host" 22
# SC2016: it is for the other side
# shellcheck disable=SC2016,SC2086
check_match "ssh: a client with an address" "^$few [0-9]+ 10.64.0.2 22\$" \
	run $ssh 10.64.0.2 'echo $SSH_CONNECTION'
check "sshd: saw it" seen_only "$work/served" 'Accepted publickey' 1 "$few"
at=$(tuplectl -N "$host" lease show pool many | grep -oE "^$many")
# shellcheck disable=SC2016,SC2086
check_match "sshd: a server with an address ($at)" "^10.64.0.2 [0-9]+ $at 22\$" \
	there $ssh "$at" 'echo $SSH_CONNECTION'
# shellcheck disable=SC2016,SC2086
check_match "ssh: both have one" "^$few [0-9]+ $at 22\$" \
	run $ssh "$at" 'echo $SSH_CONNECTION'
