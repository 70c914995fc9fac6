# Cross-builds what lies in prebuilds/, with Zig: one target of make for each platform. scripts/prebuild.sh gives ZIG,
# NODE_HEADERS and NAPI_HEADERS.
cache := node_modules/.cache/prebuild
gyp = $(shell python3 scripts/read-gyp.py $(2) $(1) $(3))
cxx_library := $(dir $(ZIG))lib

cxxflags := -O2 -Wall -Wextra -Werror -fPIC -fno-exceptions -fno-rtti -fvisibility=hidden \
  -fvisibility-global-new-delete-hidden -ffunction-sections -fdata-sections \
  -Inative -isystem $(NODE_HEADERS) -isystem $(NAPI_HEADERS)

# What is used of the C++ library and its ABI: to build all of it takes a minute for each target.
runtime := $(addprefix libcxx/src/,condition_variable condition_variable_destructor hash mutex mutex_destructor new \
  string system_error verbose_abort) \
  $(addprefix libcxxabi/src/,abort_message cxa_guard cxa_virtual stdlib_new_delete)
runtime_windows := $(addprefix libcxx/src/,chrono $(addprefix support/win32/,support thread_win32))
runtimeflags := -w -std=c++20 -D_LIBCPP_BUILDING_LIBRARY -D_LIBCXXABI_BUILDING_LIBRARY \
  -I$(cxx_library)/libcxx/src -I$(cxx_library)/libcxxabi/include

# $(call library,target of Zig,more of the C++ library)
define library
$(cache)/$(1)/runtime.a: $(patsubst %,$(cache)/$(1)/%.o,$(runtime) $(2))
	@rm -f $$@
	$(ZIG) ar rcs $$@ $$^

$(cache)/$(1)/%.o: $(cxx_library)/%.cpp scripts/prebuild.mk
	@mkdir -p $$(@D)
	$(ZIG) c++ -target $(1) -c -o $$@ $$< $(cxxflags) $(runtimeflags)
endef

# $(call program,target of Zig,OS of gyp,target of gyp,output,flags of the linker,more to link with)
define program
$(4): $(patsubst %.cc,$(cache)/$(1)/$(3)/%.o,$(call gyp,$(2),$(3),sources)) $(6)
	@mkdir -p $$(@D)
	$(ZIG) c++ -target $(1) -s -o $$@ $$^ $(call gyp,$(2),$(3),ldflags) $(5)
	@rm -f $$(@D)/*.lib

$(cache)/$(1)/$(3)/%.o: %.cc scripts/prebuild.mk binding.gyp
	@mkdir -p $$(@D)
	$(ZIG) c++ -target $(1) -MMD -c -o $$@ $$< -std=c++17 $(cxxflags) $(call gyp,$(2),$(3),cflags_cc) \
	  $(addprefix -D,$(call gyp,$(2),$(3),defines) BUILDING_NODE_EXTENSION)
endef

# $(call linux,name in Node,name in Zig): the keeper and procguard-run are static, and so serve both C libraries.
define linux
$(call library,$(2)-linux-gnu.2.28)
$(call library,$(2)-linux-musl)
$(call program,$(2)-linux-gnu.2.28,linux,procguard,prebuilds/linux-$(1)/procguard.glibc.node,$(lean) -shared,\
  $(cache)/$(2)-linux-gnu.2.28/runtime.a)
$(call program,$(2)-linux-musl,linux,procguard,prebuilds/linux-$(1)/procguard.musl.node,$(lean) -shared,\
  $(cache)/$(2)-linux-musl/runtime.a)
$(call program,$(2)-linux-musl,linux,procguard-keeper,prebuilds/linux-$(1)/procguard-keeper,$(lean) -static,\
  $(cache)/$(2)-linux-musl/runtime.a)
$(call program,$(2)-linux-musl,linux,procguard-run,prebuilds/linux-$(1)/procguard-run,$(lean) -static,\
  $(cache)/$(2)-linux-musl/runtime.a)
.PHONY: linux-$(1)
linux-$(1): $(addprefix prebuilds/linux-$(1)/,procguard.glibc.node procguard.musl.node procguard-keeper procguard-run)
endef

# $(call darwin,name in Node,name in Zig): Node's functions are found in the program that loads the addon. Zig's linker
# for it leaves out of a program what isn't used, but not of a library, which so needs the whole C++ library.
define darwin
$(call library,$(2)-macos.11.0)
$(call program,$(2)-macos.11.0,mac,procguard,prebuilds/darwin-$(1)/procguard.node,-shared $(dynamic_lookup))
$(call program,$(2)-macos.11.0,mac,procguard-keeper,prebuilds/darwin-$(1)/procguard-keeper,\
  -nostdlib++ -Wl$(comma)-dead_strip,$(cache)/$(2)-macos.11.0/runtime.a)
.PHONY: darwin-$(1)
darwin-$(1): prebuilds/darwin-$(1)/procguard.node prebuilds/darwin-$(1)/procguard-keeper
endef

# $(call windows,name in Node,name in Zig,name in dlltool)
define windows
$(call library,$(2)-windows-gnu,$(runtime_windows))
$(call program,$(2)-windows-gnu,win,procguard,prebuilds/win32-$(1)/procguard.node,$(lean) -shared -lws2_32,\
  $(cache)/$(2)-windows-gnu/libnode.a $(cache)/$(2)-windows-gnu/runtime.a)
.PHONY: win32-$(1)
win32-$(1): prebuilds/win32-$(1)/procguard.node

$(cache)/$(2)-windows-gnu/libnode.a: $(cache)/node.def
	@mkdir -p $$(@D)
	$(ZIG) dlltool -m $(3) -d $$< -l $$@
endef

comma := ,
lean := -nostdlib++ -Wl,--gc-sections
dynamic_lookup := -Wl,-undefined,dynamic_lookup
$(eval $(call linux,x64,x86_64))
$(eval $(call linux,arm64,aarch64))
$(eval $(call darwin,x64,x86_64))
$(eval $(call darwin,arm64,aarch64))
$(eval $(call windows,x64,x86_64,i386:x86-64))
$(eval $(call windows,arm64,aarch64,arm64))

# What node.exe exports: Node-API as its headers list it, and what we use of libuv.
$(cache)/node.def: native/*.cc native/windows/*.cc node_modules/node-api-headers/def/*.def
	@mkdir -p $(@D)
	{ echo 'LIBRARY node.exe'; echo EXPORTS; grep -hE '^ *(napi|node_api)_' node_modules/node-api-headers/def/*.def; \
	  grep -ohE '\buv_[a-z_]+\(' native/*.cc native/windows/*.cc | tr -d '(' | sort -u; } > $@

-include $(shell find $(cache) -name '*.d' 2> /dev/null)
