# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the two starts of the machine share, on which the packages are installed.

. "$(dirname "$0")/../lib.sh"
# shellcheck disable=SC2034
conf=/etc/inet_tuple.conf
unit=inet-tuple.service

# The other end of eth0's cable: a web server that tells its clients who they are
peer() {
	ip netns add lan
	ip link set lan0 netns lan
	ip -n lan addr add 10.0.0.1/16 dev lan0
	ip -n lan link set lan0 up
	# shellcheck disable=SC2016	# the variables are perl's
	background ip netns exec lan perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 9, ReuseAddr => 1);
		while (my $c = $s->accept) {
			while (<$c>) { last unless /\S/ }
			print $c "HTTP/1.0 200 OK\r\n\r\n", $c->peerhost, "\n";
		}'
}

# manual NAME: a document, as the package has it
manual() { zcat -f "/usr/share/doc/inet-tuple/$1"*; }

# documented NAME COMMAND: it is in that document, after a prompt, and works
documented() {
	manual "$1" | tr -s ' \\\n' ' ' | grep -qF -e " # $2 " -e " \$ sudo $2 " -e " \$ $2 " &&
		eval "$2"
}

# What README says of curl, as the package has it, letter by letter
readme() {
	local line

	line=$(manual README.md |
		sed -n 's/^[$# ]*\(tuplerun -- curl [^#]*\).*/\1/p')
	echo "README: $line" >&2
	eval "$line"
}

unit_is() { [ "$(systemctl show -P "$1" $unit)" = "$2" ]; }
