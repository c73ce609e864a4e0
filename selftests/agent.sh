# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For tests that hold sockets while they look at the world: a process that
# opens and closes them as it is told (agent.py). Source it after lib.sh.

agent_start() {
	local from to

	coproc AGENT { exec python3 "$(dirname "$0")/agent.py"; }
	defer kill "$AGENT_PID"
	# bash keeps those of a coprocess from its subshells
	exec {from}<&"${AGENT[0]}" {to}>&"${AGENT[1]}"
	agent_from=$from agent_to=$to
}

# ask WORD...: have it done. Prints what it said; fails unless that was ok.
ask() {
	local answer

	echo "$*" >&"$agent_to"
	IFS= read -r -t 60 answer <&"$agent_from" || answer="no answer"
	echo "$answer"
	[ "${answer%% *}" = ok ]
}

# told WORD...: the value of the answer; told_first: its first word, which is
# the address in the answer to open and name.
told() {
	local answer

	answer=$(ask "$@") || { note "$*: $answer"; return 1; }
	echo "${answer#ok }"
}

told_first() {
	local answer

	answer=$(told "$@") || { echo "$answer"; return 1; }
	echo "${answer%% *}"
}

# asks WHAT WORD...: the answer is that.
asks() {
	local what=$1 answer
	shift

	answer=$(ask "$@")
	[ "$answer" = "$what" ] && return
	echo "answer: $answer"
	return 1
}
