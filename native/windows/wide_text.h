// Strings of a JavaScript call as Windows takes them.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

namespace procguard {

// What isn't a string becomes one, and what can't become one is empty, as in Node's own spawn.
std::wstring wide_text(napi_env env, napi_value value);

std::vector<std::wstring> wide_texts(const Napi::Array& array);

}  // namespace procguard
