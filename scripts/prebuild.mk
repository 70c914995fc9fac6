# Cross-builds what lies in prebuilds/, with Zig. scripts/build-linux.sh gives ZIG, NODE_HEADERS and NAPI_HEADERS.
cache := node_modules/.cache/prebuild
gyp = $(shell python3 scripts/read-gyp.py $(2) $(1) $(3))

cxxflags := -Wall -Wextra -Werror -fno-exceptions -fno-rtti -fvisibility=hidden -fvisibility-global-new-delete-hidden \
  -ffunction-sections -fdata-sections -Inative -isystem $(NODE_HEADERS) -isystem $(NAPI_HEADERS)

# What is used of the C++ library and its ABI: to build all of it takes a minute for each target.
runtime := $(addprefix libcxx/src/,condition_variable condition_variable_destructor hash mutex mutex_destructor new \
  string system_error verbose_abort) \
  $(addprefix libcxxabi/src/,abort_message cxa_guard cxa_virtual stdlib_new_delete)
runtimeflags := -w -std=c++20 -D_LIBCPP_BUILDING_LIBRARY -D_LIBCXXABI_BUILDING_LIBRARY \
  -I$(dir $(ZIG))lib/libcxx/src -I$(dir $(ZIG))lib/libcxxabi/include

# $(call library,target of Zig)
define library
$(cache)/$(1)/runtime.a: $(runtime:%=$(cache)/$(1)/%.o)
	@rm -f $$@
	$(ZIG) ar rcs $$@ $$^

$(cache)/$(1)/%.o: $(dir $(ZIG))lib/%.cpp scripts/prebuild.mk
	@mkdir -p $$(@D)
	$(ZIG) c++ -target $(1) -c -o $$@ $$< -O2 -fPIC $(cxxflags) $(runtimeflags)
endef

# $(call program,target of Zig,OS of gyp,target of gyp,output,flags of compiler,flags of linker)
define program
$(4): $(patsubst %.cc,$(cache)/$(1)/$(3)/%.o,$(call gyp,$(2),$(3),sources)) $(cache)/$(1)/runtime.a
	@mkdir -p $$(@D)
	$(ZIG) c++ -target $(1) -nostdlib++ -s -o $$@ $$^ -Wl,--gc-sections $(call gyp,$(2),$(3),ldflags) $(6)

$(cache)/$(1)/$(3)/%.o: %.cc scripts/prebuild.mk binding.gyp
	@mkdir -p $$(@D)
	$(ZIG) c++ -target $(1) -MMD -c -o $$@ $$< -O2 -std=c++17 $(cxxflags) $(call gyp,$(2),$(3),cflags_cc) \
	  $(addprefix -D,$(call gyp,$(2),$(3),defines)) $(5)
endef

# $(call linux,name in Node,name in Zig): the keeper and procguard-run are static, and so serve both C libraries.
define linux
$(call library,$(2)-linux-gnu.2.28)
$(call library,$(2)-linux-musl)
$(call program,$(2)-linux-gnu.2.28,linux,procguard,prebuilds/linux-$(1)/procguard.glibc.node,-fPIC,-shared)
$(call program,$(2)-linux-musl,linux,procguard,prebuilds/linux-$(1)/procguard.musl.node,-fPIC,-shared)
$(call program,$(2)-linux-musl,linux,procguard-keeper,prebuilds/linux-$(1)/procguard-keeper,,-static)
$(call program,$(2)-linux-musl,linux,procguard-run,prebuilds/linux-$(1)/procguard-run,,-static)
linux-$(1): $(addprefix prebuilds/linux-$(1)/,procguard.glibc.node procguard.musl.node procguard-keeper procguard-run)
.PHONY: linux-$(1)
endef

$(eval $(call linux,x64,x86_64))
$(eval $(call linux,arm64,aarch64))

-include $(shell find $(cache) -name '*.d' 2> /dev/null)
