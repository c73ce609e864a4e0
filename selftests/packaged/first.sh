#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A machine whose inet-tuple-dkms built the module: the other packages are
# installed, README is followed, and the pools are kept.

. "$(dirname "$0")/lib.sh"

debs=$(dirname "$0")/debs
release=$(uname -r)

check_match "DKMS has the module for this kernel" ", ${release//+/\\+}, .*: installed" dkms status
check_match "and modprobe finds it" "/updates/dkms/inet_tuple.ko$" modinfo -F filename inet_tuple
check "the tools install, without a network" apt-get install -qq -y --no-install-recommends \
	"$debs"/libinettuple0_*.deb "$debs"/inet-tuple_*.deb
check_output "the service is enabled" enabled systemctl is-enabled $unit
check "and has nothing to do" unit_is ConditionResult no
check_output "which is no failure" inactive eval "systemctl is-active $unit || :"
check_match "the library is found" "libinettuple.so.0 .*=> /lib/" ldconfig -p
check_match "the completion is found" _tuplectl bash -c \
	'. /usr/share/bash-completion/bash_completion; _completion_loader tuplectl
	complete -p tuplectl'

check_output "the module is signed by DKMS" "DKMS module signing key" \
	documented install.rst "modinfo -F signer inet_tuple"
mkdir -p "build/module-$release"
module=build/module-$release/inet_tuple.ko
cp "$(modinfo -F filename inet_tuple)" "$module"
check "without a signature" strip --strip-debug "$module"
check_output "there is none" "" modinfo -F signer "./$module"
# shellcheck disable=SC2016	# as the document has it
check "it is signed by hand" documented install.rst '/usr/src/linux-headers-$(uname -r)/scripts/sign-file sha256 /var/lib/dkms/mok.key /var/lib/dkms/mok.pub build/module-$(uname -r)/inet_tuple.ko'
check_output "by the same" "DKMS module signing key" modinfo -F signer "./$module"
rm -r build

peer
check "the other end of the cable" wait_for 30 curl -so /dev/null http://10.0.0.1/
check "tuplectl loads the module" \
	eval "tuplectl pool show && grep -q '^inet_tuple ' /proc/modules"
check "a first pool, as in README" tuplectl pool add demo dev eth0 prefix 10.0.64.0/24
check "and one of IPv6" tuplectl pool add six dev eth0 prefix 2001:db8::64:0/112 \
	order random quarantine 100
check "and a rule" tuplectl rule add uid root pool demo
check_match "curl has an address of its own" '^10\.0\.64\.[0-9]+$' readme
check "the configuration is saved" eval "tuplectl save >$conf"
check "what is saved is all" test "$(wc -l <$conf)" = 3
