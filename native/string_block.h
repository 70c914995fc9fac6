// Strings of a JavaScript call as one block of memory.
#pragma once

#include <napi.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace procguard {

// Reads strings into one block of memory that stays while a child is started.
class StringBlock {
 public:
  explicit StringBlock(napi_env env) : env_(env) {}

  // Appends the texts of a JavaScript array to `list` as pointers into the block. Call finish() before use.
  void append(const Napi::Array& array, std::vector<size_t>* offsets) {
    uint32_t length = array.Length();
    offsets->reserve(length + 2);
    for (uint32_t i = 0; i < length; i++) {
      // A command line may have a hundred thousand of them.
      Napi::HandleScope scope(env_);
      napi_value item;
      if (napi_get_element(env_, array, i, &item) != napi_ok) continue;
      napi_valuetype type;
      napi_typeof(env_, item, &type);
      offsets->push_back(type == napi_string ? append(item) : append_any(item));
    }
  }

  size_t append(napi_value text) {
    size_t start = used_, length = 0;
    reserve(256);
    napi_get_value_string_utf8(env_, text, bytes_.data() + start, bytes_.size() - start, &length);
    // A text that filled what was there may have been cut off.
    if (length + 4 >= bytes_.size() - start) {
      size_t whole = 0;
      napi_get_value_string_utf8(env_, text, nullptr, 0, &whole);
      reserve(whole + 1);
      napi_get_value_string_utf8(env_, text, bytes_.data() + start, bytes_.size() - start, &length);
    }
    used_ = start + length + 1;
    return start;
  }

  // What isn't a string becomes one, and what can't become one is empty, as in Node's own spawn.
  size_t append_any(napi_value value) {
    napi_value text, thrown;
    if (napi_coerce_to_string(env_, value, &text) == napi_ok) return append(text);
    napi_get_and_clear_last_exception(env_, &thrown);
    return append("");
  }

  size_t append(const char* text) {
    size_t start = used_, length = strlen(text);
    reserve(length + 1);
    memcpy(bytes_.data() + start, text, length + 1);
    used_ = start + length + 1;
    return start;
  }

  char* at(size_t offset) { return bytes_.data() + offset; }

 private:
  void reserve(size_t more) {
    if (bytes_.size() - used_ < more) bytes_.resize(std::max(bytes_.size() * 2, used_ + more + 4096));
  }

  napi_env env_;
  std::vector<char> bytes_;
  size_t used_ = 0;
};

}  // namespace procguard
