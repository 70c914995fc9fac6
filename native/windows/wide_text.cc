#include "wide_text.h"

namespace procguard {

static_assert(sizeof(wchar_t) == sizeof(char16_t), "Windows counts text in UTF-16 units");

namespace {

bool is_high(wchar_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low(wchar_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

// Half of a surrogate pair becomes U+FFFD, as on Node's own way through UTF-8.
void mend_surrogates(std::wstring* text) {
  for (size_t i = 0; i < text->size(); i++) {
    bool is_pair = is_high((*text)[i]) && i + 1 < text->size() && is_low((*text)[i + 1]);
    if (is_pair)
      i++;
    else if (is_high((*text)[i]) || is_low((*text)[i]))
      (*text)[i] = 0xFFFD;
  }
}

}  // namespace

std::wstring wide_text(napi_env env, napi_value value) {
  napi_value text, thrown;
  if (napi_coerce_to_string(env, value, &text) != napi_ok) {
    napi_get_and_clear_last_exception(env, &thrown);
    return L"";
  }
  size_t length = 0;
  if (napi_get_value_string_utf16(env, text, nullptr, 0, &length) != napi_ok) return L"";
  std::wstring wide(length + 1, L'\0');
  napi_get_value_string_utf16(env, text, reinterpret_cast<char16_t*>(&wide[0]), length + 1, &length);
  wide.resize(length);
  mend_surrogates(&wide);
  return wide;
}

std::vector<std::wstring> wide_texts(const Napi::Array& array) {
  std::vector<std::wstring> texts;
  uint32_t length = array.Length();
  texts.reserve(length);
  for (uint32_t i = 0; i < length; i++) {
    // A command line may have tens of thousands of them.
    Napi::HandleScope scope(array.Env());
    napi_value item;
    if (napi_get_element(array.Env(), array, i, &item) != napi_ok) continue;
    texts.push_back(wide_text(array.Env(), item));
  }
  return texts;
}

}  // namespace procguard
