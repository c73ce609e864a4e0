# SPDX-License-Identifier: GPL-2.0-only
#
# make              the module, the library and the tools
# make module       the module alone, for the kernel whose headers are in KDIR
# make selftests    the test programs, which scripts/test runs in a VM
# make install      all of it, below DESTDIR
# make uninstall    takes that away again
# make package      Debian's packages of it, in build/packages
# make lint         every style check
# make clean

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
export PREFIX DESTDIR

# Each kernel has a copy of the source of its own: objects of two never mix.
# config/kernel.release will not do: Debian's 6.1 has another name there.
RELEASE := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
MODULE = $(BUILD)/module-$(RELEASE)/inet_tuple.ko
MODULE_SOURCES = Kbuild $(shell find kmod uapi -type f 2>/dev/null)
MODULES_DIR = $(DESTDIR)/lib/modules/$(RELEASE)/updates
KFLAGS ?= W=1

# A folder that is not there yet has nothing to build.
PARTS = $(patsubst %/Makefile,%,$(wildcard $(addsuffix /Makefile,$(1))))
LIB = $(call PARTS,lib)
TOOLS = $(call PARTS,tools)
SELFTESTS = $(call PARTS,selftests)

all: module lib tools

ifeq ($(RELEASE),)
module:
	@echo "no kernel headers in $(KDIR): set KDIR" >&2; false
else
module: $(MODULE)
endif

$(MODULE): $(MODULE_SOURCES)
	mkdir -p $(@D)
	cp -pru kmod uapi Kbuild $(@D)
	+$(MAKE) -C $(KDIR) M=$(CURDIR)/$(@D) $(KFLAGS) modules
	touch $@

lib:
	$(if $(LIB),+$(MAKE) -C lib)

tools: lib
	$(if $(TOOLS),+$(MAKE) -C tools)

selftests: lib tools
	$(if $(SELFTESTS),+$(MAKE) -C selftests)

module_install: module
	install -D -m 644 $(MODULE) $(MODULES_DIR)/inet_tuple.ko
	$(if $(DESTDIR),,depmod $(RELEASE))

man_install:
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man3 \
		Documentation/man/libinettuple.3
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man7 \
		Documentation/man/inet_tuple.7
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 \
		Documentation/man/tuplectl.8

lib_install: lib
	$(if $(LIB),+$(MAKE) -C lib install)

tools_install: tools
	$(if $(TOOLS),+$(MAKE) -C tools install)

install: module_install man_install lib_install tools_install

ifeq ($(RELEASE),)
module_uninstall: module
else
module_uninstall:
	rm -f $(MODULES_DIR)/inet_tuple.ko
	$(if $(DESTDIR),,depmod $(RELEASE))
endif

man_uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/,man3/libinettuple.3 \
		man7/inet_tuple.7 man8/tuplectl.8)

lib_uninstall:
	$(if $(LIB),+$(MAKE) -C lib uninstall)

tools_uninstall:
	$(if $(TOOLS),+$(MAKE) -C tools uninstall)

uninstall: module_uninstall man_uninstall lib_uninstall tools_uninstall

clean:
	$(if $(LIB),+$(MAKE) -C lib clean)
	$(if $(TOOLS),+$(MAKE) -C tools clean)
	$(if $(SELFTESTS),+$(MAKE) -C selftests clean)
	rm -rf build

lint:
	scripts/lint

package:
	scripts/package

.PHONY: all module lib tools selftests module_install man_install lib_install
.PHONY: tools_install install package clean lint module_uninstall man_uninstall
.PHONY: lib_uninstall tools_uninstall uninstall
