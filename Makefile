# SPDX-License-Identifier: GPL-2.0-only
#
# For people. Kbuild, which has priority when the kernel's build system
# comes here, lists the module's parts. `make help` lists the targets.
#
# Everything built goes to $(BUILD). The module is built in a copy of its
# sources, one per kernel version, so that several kernels live side by side
# and the source tree stays clean.

VERSION		:= 0.1.0
SOVERSION	:= 0

BUILD		?= build
PREFIX		?= /usr/local
LIBDIR		?= $(PREFIX)/lib
INCLUDEDIR	?= $(PREFIX)/include
BINDIR		?= $(PREFIX)/bin
MANDIR		?= $(PREFIX)/share/man
COMPLETIONDIR	?= $(PREFIX)/share/bash-completion/completions
UNITDIR		?= $(PREFIX)/lib/systemd/system
KVER		?= $(shell uname -r)
KDIR		?= /lib/modules/$(KVER)/build
CXX		?= g++
CLANG		?= clang
CFLAGS		?= -O2 -g
PKG_CONFIG	?= pkg-config
DEPMOD		?= /sbin/depmod

ifeq ($(origin CC),default)
CC		:= gcc
endif

# What is given on the command line (CC=clang ...) is for userspace alone:
# the kernel's build system gets only what is passed to it below.
MAKEOVERRIDES	:=
MAKEFLAGS	+= --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

ifeq ($(V),1)
Q		:=
else
Q		:= @
endif
# What was asked for by its name says what became of it: $(1) target, $(2) words.
built		 = @$(if $(filter $(1),$(MAKECMDGOALS)),echo "built $(2)",:)

.PHONY: all module test-modules lib stt-ip examples tests test-programs fuzz bench headers-test check-style \
	install modules_install uninstall clean help FORCE

all: $(if $(wildcard $(KDIR)/Makefile),module,module-skipped) lib stt-ip examples
	@echo "built in $(BUILD): $(if $(wildcard $(KDIR)/Makefile),module-$(KVER)/stt.ko )libstt-user.so.$(VERSION)" \
		"libstt-user.a stt-ip $(EXAMPLES:$(BUILD)/%=%)"

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

#: Targets
#:   all              module (if there are headers for it), lib, stt-ip, examples
#:   module           stt.ko for kernel KVER (the running one) or headers in KDIR
#:   test-modules     modules for tests that load some, for the same kernel
#:   lib              libstt-user, shared and static
#:   stt-ip           the tool
#:   examples         the programs in tools/examples
#:   tests            the programs in selftests; unit_* with ASan and UBSan
#:   test-programs    those without unit_*, as the VM runs them
#:   fuzz             the fuzz_* programs in selftests, with clang
#:   bench            what `tools/run bench` runs: a program, a module for KVER
#:   headers-test     each public header alone, as C and as C++
#:   check-style      sparse for KVER, and checkpatch
#:   install          library, headers, tool, man pages   (DESTDIR, PREFIX)
#:   modules_install  the module, and depmod     (INSTALL_MOD_PATH)
#:   uninstall        removes what install installed
#:   clean            removes all that was built
#: Variables
#:   KVER=6.12.117+deb12-amd64   kernel to build the module for
#:   WERROR=1                    warnings are errors
#:   V=1                         show the commands; else only what came of them
#:   CC, CFLAGS, LDFLAGS, BUILD, PREFIX, LIBDIR, DESTDIR, INSTALL_MOD_PATH

# --- module -----------------------------------------------------------------

MDIR		:= $(BUILD)/module-$(KVER)
MODULE_SRC	:= Kbuild $(wildcard kernel/*.[chS] kernel/probe/*.c include/stt/*.h include/uapi/linux/*.h)
MODULE_COPY	:= $(MODULE_SRC:%=$(MDIR)/%)
KBUILD		 = $(MAKE) $(if $(V),,-s) -C $(KDIR) M=$(abspath $(MDIR)) W=1 \
		   $(if $(V),V=$(V)) $(if $(WERROR),KCFLAGS=-Werror) \
		   $(if $(SPARSE),C=2 CF=-D__CHECK_ENDIAN__)
NO_HEADERS	 = no headers for kernel $(KVER) in $(KDIR). \
		   Install them (apt install linux-headers-$(KVER)) or name another \
		   kernel (make module KVER=...)

module: $(MDIR)/stt.ko
	$(call built,module,$<)

$(MDIR)/stt.ko: $(MODULE_COPY) $(MDIR)/.flags
	$(if $(wildcard $(KDIR)/Makefile),,$(error $(NO_HEADERS)))
	+$(Q)$(KBUILD) --no-print-directory modules
	@touch $@

$(MDIR)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(KDIR) $(WERROR)' | cmp -s - $@ || echo '$(KDIR) $(WERROR)' > $@

$(MODULE_COPY): $(MDIR)/%: %
	@mkdir -p $(@D)
	@cp -p $< $@
	@touch $@

# Modules that tests load. What this kernel cannot have is left out by Kbuild.
TEST_MODULES	:= nosimd vmfork
TEST_MDIRS	:= $(TEST_MODULES:%=$(BUILD)/%-$(KVER))

test-modules: $(TEST_MDIRS:%=%/.built)
	$(call built,test-modules,$(TEST_MDIRS))

define test_module_rule
$(BUILD)/$(1)-$(KVER)/.built: $(wildcard selftests/$(1)/*)
	@mkdir -p $$(@D) && cp $$^ $$(@D)
	+$$(Q)$$(MAKE) $$(if $$(V),,-s) -C $$(KDIR) M=$$(abspath $$(@D)) --no-print-directory modules
	@touch $$@
endef
$(foreach m,$(TEST_MODULES),$(eval $(call test_module_rule,$(m))))

.PHONY: module-skipped
module-skipped:
	@echo "module skipped: $(NO_HEADERS)"

# No key to sign with, and the depmod of the kernel's build system wants more
# than an external build has.
modules_install: module
	+$(Q)$(KBUILD) --no-print-directory CONFIG_MODULE_SIG_ALL= DEPMOD=true INSTALL_MOD_DIR=updates \
		$(if $(INSTALL_MOD_PATH),INSTALL_MOD_PATH=$(INSTALL_MOD_PATH)) modules_install
	$(Q)if [ -e $(INSTALL_MOD_PATH)/lib/modules/$(KVER)/modules.order ]; then \
		$(DEPMOD) $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KVER); \
	else \
		echo "no kernel in $(INSTALL_MOD_PATH)/lib/modules/$(KVER): run depmod there later"; \
	fi
	@echo "installed $$(ls $(INSTALL_MOD_PATH)/lib/modules/$(KVER)/updates/stt.ko*)"

check-style:
	+$(Q)tools/check-style '$(KVER)' '$(KDIR)' '$(BUILD)'

# --- userspace --------------------------------------------------------------

PKGS		:= libmnl libsodium
PKG_CFLAGS	:= $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS	:= $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null || echo -lmnl -lsodium)
MACHINE		:= $(shell $(CC) -dumpmachine)

WARN		:= -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes $(if $(WERROR),-Werror)
HARDEN		:= -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 \
		   $(if $(filter x86_64% i%86%,$(MACHINE)),-fcf-protection)
LD_HARDEN	:= -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
BASE_FLAGS	:= -std=c11 -D_GNU_SOURCE= -Iinclude -Iinclude/uapi $(PKG_CFLAGS) -pthread -MMD -MP $(WARN)
SAN		:= -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
TEST_INC	:= -Iselftests/lib -Ilib -Ikernel

CC_OBJ		 = $(CC) $(BASE_FLAGS) $(HARDEN) -fPIC -fvisibility=hidden $(INC) $(CFLAGS)
CC_SAN		 = $(CC) $(BASE_FLAGS) -O1 -g $(SAN) $(INC)
CC_FUZZ		 = $(CLANG) $(BASE_FLAGS) -O1 -g $(SAN) -fsanitize=fuzzer-no-link $(INC)

LIB_SRC		:= $(wildcard lib/*.c)
LIB_OBJ		:= $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
LIB_SO		:= $(BUILD)/libstt-user.so.$(VERSION)
LIB_A		:= $(BUILD)/libstt-user.a
LIB_SAN		:= $(BUILD)/san/libstt-user.a
LIB_FUZZ	:= $(BUILD)/fuzz/libstt-user.a

STT_IP_OBJ	:= $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tools/stt-ip/*.c))
EXAMPLES	:= $(patsubst tools/examples/%.c,$(BUILD)/examples/%,$(wildcard tools/examples/*.c))
UNIT_TESTS	:= $(patsubst selftests/%.c,%,$(wildcard selftests/unit_*.c))
FUZZERS		:= $(patsubst selftests/%.c,%,$(wildcard selftests/fuzz_*.c))
PROGRAMS	:= $(filter-out $(UNIT_TESTS) $(FUZZERS),$(patsubst selftests/%.c,%,$(wildcard selftests/*.c)))
HEADERS		:= $(wildcard include/stt/*.h) include/uapi/linux/stt.h

lib: $(LIB_SO) $(LIB_A) $(BUILD)/libstt-user.so
	$(call built,lib,$(LIB_SO) $(LIB_A))

stt-ip: $(BUILD)/stt-ip
	$(call built,stt-ip,$<)

examples: $(EXAMPLES)
	$(call built,examples,$^)

tests: $(UNIT_TESTS:%=$(BUILD)/selftests/%) test-programs
	$(call built,tests,$(words $(UNIT_TESTS) $(PROGRAMS)) programs in $(BUILD)/selftests)

test-programs: $(PROGRAMS:%=$(BUILD)/selftests/%)
	$(call built,test-programs,$(words $^) programs in $(BUILD)/selftests)

fuzz: $(FUZZERS:%=$(BUILD)/selftests/%)
	$(call built,fuzz,$^)

# Compiler, flags and the file lists: a change of any of them rebuilds.
FLAGS_NOW	 = $(CC) $(BASE_FLAGS) $(HARDEN) $(CFLAGS) $(LDFLAGS)
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@

$(BUILD)/.lib-objects: FORCE
	@mkdir -p $(@D)
	@echo '$(LIB_SRC)' | cmp -s - $@ || echo '$(LIB_SRC)' > $@

$(BUILD)/obj/selftests/%.o $(BUILD)/san/selftests/%.o $(BUILD)/fuzz/selftests/%.o: INC := $(TEST_INC)

$(BUILD)/obj/tools/stt-ip/%.o: INC := '-DSTT_VERSION="$(VERSION)"'

$(BUILD)/obj/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC_OBJ) -c -o $@ $<

$(BUILD)/san/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC_SAN) -c -o $@ $<

$(BUILD)/fuzz/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC_FUZZ) -c -o $@ $<

$(LIB_SO): $(LIB_OBJ) lib/libstt-user.map $(BUILD)/.lib-objects
	$(Q)$(CC) -shared -Wl,-soname,libstt-user.so.$(SOVERSION) \
		-Wl,--version-script,lib/libstt-user.map -Wl,--no-undefined \
		$(LD_HARDEN) $(LDFLAGS) -pthread -o $@ $(LIB_OBJ) $(PKG_LIBS)

$(BUILD)/libstt-user.so: $(LIB_SO)
	@ln -sf $(<F) $(BUILD)/libstt-user.so.$(SOVERSION)
	@ln -sf libstt-user.so.$(SOVERSION) $@
	@touch -h $@

$(LIB_A): $(LIB_OBJ)
$(LIB_SAN): $(LIB_SRC:%.c=$(BUILD)/san/%.o)
$(LIB_FUZZ): $(LIB_SRC:%.c=$(BUILD)/fuzz/%.o)
$(LIB_A) $(LIB_SAN) $(LIB_FUZZ): $(BUILD)/.lib-objects
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcsD $@ $(filter %.o,$^)

# In the build tree the programs find the library beside them; what is
# installed is linked anew, without a search path.
LINK		 = $(CC) -pie $(LD_HARDEN) $(LDFLAGS) -pthread -o $@ $(filter %.o,$^) -L$(BUILD) -lstt-user $(PKG_LIBS)

$(BUILD)/stt-ip: $(STT_IP_OBJ) $(BUILD)/libstt-user.so
	$(Q)$(LINK) -Wl,-rpath,'$$ORIGIN'

$(BUILD)/installed/stt-ip: $(STT_IP_OBJ) $(BUILD)/libstt-user.so
	@mkdir -p $(@D)
	$(Q)$(LINK)

$(EXAMPLES): $(BUILD)/examples/%: $(BUILD)/obj/tools/examples/%.o $(BUILD)/libstt-user.so
	@mkdir -p $(@D)
	$(Q)$(LINK) -Wl,-rpath,'$$ORIGIN/..'

# A selftest names further sources it is made of in its first lines:
#	/* links: kernel/frame.c kernel/replay.c */
links_of	= $(shell sed -n '1,12s@.*links:\(.*\)\*/.*@\1@p' selftests/$(1).c)
# and what it takes from other packages, as pkg-config calls them:
#	/* packages: libnl-genl-3.0 */
packages_of	= $(shell sed -n '1,12s@.*packages:\(.*\)\*/.*@\1@p' selftests/$(1).c)
# $(1) test, $(2) obj, san or fuzz, $(3) library, $(4) how to link, $(5) libraries
define test_rule
$(BUILD)/selftests/$(1): $(BUILD)/$(2)/selftests/$(1).o $(patsubst %.c,$(BUILD)/$(2)/%.o,$(call links_of,$(1))) $(3)
	@mkdir -p $$(@D)
	$$(Q)$(4) -pthread -o $$@ $$(filter %.o,$$^) $(3) $(5) $(PKG_LIBS)
endef
# $(1) test, $(2) packages
define packages_rule
$(BUILD)/obj/selftests/$(1).o: INC := $(TEST_INC) $(shell $(PKG_CONFIG) --cflags $(2))
$(BUILD)/selftests/$(1): PKG_MORE := $(shell $(PKG_CONFIG) --libs $(2))
endef
$(foreach t,$(PROGRAMS),$(eval $(call test_rule,$(t),obj,$(LIB_A),$(CC) -pie $(LDFLAGS),$$(PKG_MORE))))
$(foreach t,$(PROGRAMS),$(if $(call packages_of,$(t)),$(eval $(call packages_rule,$(t),$(call packages_of,$(t))))))
$(foreach t,$(UNIT_TESTS),$(eval $(call test_rule,$(t),san,$(LIB_SAN),$(CC) $(SAN),-lcmocka)))
$(foreach t,$(FUZZERS),$(eval $(call test_rule,$(t),fuzz,$(LIB_FUZZ),$(CLANG) $(SAN) -fsanitize=fuzzer)))

# What a message costs, and a throwaway module for the floor under it.
BENCH_OBJ	:= $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tools/bench/*.c))
BENCH_DIR	:= $(BUILD)/bench-$(KVER)

bench: $(BUILD)/bench/cost $(BENCH_DIR)/stt_bench_aead.ko
	$(call built,bench,$^)

$(BUILD)/bench/cost: $(BENCH_OBJ) $(LIB_A)
	@mkdir -p $(@D)
	$(Q)$(CC) -pie $(LDFLAGS) -pthread -o $@ $(BENCH_OBJ) $(LIB_A) $(PKG_LIBS)

$(BENCH_DIR)/stt_bench_aead.ko: $(wildcard tools/bench/aead/*)
	$(if $(wildcard $(KDIR)/Makefile),,$(error $(NO_HEADERS)))
	@mkdir -p $(@D)
	@cp -p tools/bench/aead/* $(@D)
	+$(Q)$(MAKE) $(if $(V),,-s) -C $(KDIR) M=$(abspath $(@D)) W=1 $(if $(V),V=$(V)) \
		$(if $(WERROR),KCFLAGS=-Werror) --no-print-directory modules

headers-test:
	$(Q)set -e; for h in $(HEADERS:include/uapi/%=%); do \
		h=$${h#include/}; printf '#include <%s>\nextern int used;\n' $$h | \
		$(CC) -x c -std=c11 -D_GNU_SOURCE= -Wall -Wextra -Wpedantic -Werror -Iinclude -Iinclude/uapi -fsyntax-only -; \
		printf '#include <%s>\n' $$h | \
		$(CXX) -x c++ -std=c++11 -Wall -Wextra -Werror -Iinclude -Iinclude/uapi -fsyntax-only -; \
		echo "  HEADER  $$h"; done
	$(Q)set -e; for f in $(wildcard selftests/*.cc); do \
		$(CXX) -std=c++11 -Wall -Wextra -Werror -Iinclude -Iinclude/uapi -fsyntax-only $$f; \
		echo "  CXX     $$f"; done

-include $(shell find $(BUILD)/obj $(BUILD)/san $(BUILD)/fuzz -name '*.d' 2>/dev/null)

# --- install ----------------------------------------------------------------

MAN		:= $(wildcard Documentation/man/*.[1-9])
COMPLETIONS	:= $(wildcard tools/completion/*)
UNITS		:= $(wildcard tools/systemd/*.service)
SO_NAMES	:= libstt-user.so.$(VERSION) libstt-user.so.$(SOVERSION) libstt-user.so

INSTALLED	:= $(SO_NAMES:%=$(LIBDIR)/%) $(LIBDIR)/libstt-user.a \
		   $(LIBDIR)/pkgconfig/libstt-user.pc $(INCLUDEDIR)/linux/stt.h \
		   $(patsubst include/%,$(INCLUDEDIR)/%,$(wildcard include/stt/*.h)) \
		   $(BINDIR)/stt-ip \
		   $(foreach m,$(MAN),$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
		   $(COMPLETIONS:tools/completion/%=$(COMPLETIONDIR)/%) \
		   $(UNITS:tools/systemd/%=$(UNITDIR)/%)

install: lib stt-ip $(BUILD)/installed/stt-ip
	$(Q)install -d $(sort $(dir $(INSTALLED:%=$(DESTDIR)%)))
	$(Q)install -m 755 $(LIB_SO) $(DESTDIR)$(LIBDIR)
	$(Q)ln -sf libstt-user.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libstt-user.so.$(SOVERSION)
	$(Q)ln -sf libstt-user.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libstt-user.so
	$(Q)install -m 644 $(LIB_A) $(DESTDIR)$(LIBDIR)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
		lib/libstt-user.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/libstt-user.pc
	$(Q)install -m 644 include/uapi/linux/stt.h $(DESTDIR)$(INCLUDEDIR)/linux
	$(Q)install -m 644 include/stt/*.h $(DESTDIR)$(INCLUDEDIR)/stt
	$(Q)install -m 755 $(BUILD)/installed/stt-ip $(DESTDIR)$(BINDIR)
	$(Q)for m in $(MAN); do install -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}; done
	$(Q)$(if $(COMPLETIONS),install -m 644 $(COMPLETIONS) $(DESTDIR)$(COMPLETIONDIR))
	$(Q)$(if $(UNITS),install -m 644 $(UNITS) $(DESTDIR)$(UNITDIR))
	$(Q)$(if $(DESTDIR),,if [ "$$(id -u)" = 0 ]; then ldconfig; fi)
	@echo "installed $(DESTDIR)$(BINDIR)/stt-ip, libstt-user in $(DESTDIR)$(LIBDIR)," \
		"headers in $(DESTDIR)$(INCLUDEDIR), man page in $(DESTDIR)$(MANDIR)"

uninstall:
	$(Q)rm -f $(INSTALLED:%=$(DESTDIR)%)
	$(Q)rmdir $(DESTDIR)$(INCLUDEDIR)/stt 2>/dev/null || true
	@echo "removed libstt-user and stt-ip from $(DESTDIR)$(PREFIX)"

clean:
	$(Q)rm -rf $(BUILD)
