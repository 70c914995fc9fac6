// The environment of a child as one block of text.
#pragma once

#include <string>
#include <vector>

namespace procguard {

// From entries NAME=value: sorted by name as Windows wants it, and with what Windows programs can't do
// without (SYSTEMROOT, TEMP and their like, from the host's environment) where the caller has left it out, as
// Node does it. Entries without a '=' are dropped.
std::wstring environment_block(std::vector<std::wstring> entries);

// The value of a variable in such a block; nullptr: it has none. Case doesn't count.
const wchar_t* find_variable(const std::wstring& block, const wchar_t* name);

// Whether this process has a variable, which may be empty.
bool find_own_variable(const wchar_t* name, std::wstring* value);

// The value of a variable of this process; empty: it has none.
std::wstring own_variable(const wchar_t* name);

}  // namespace procguard
