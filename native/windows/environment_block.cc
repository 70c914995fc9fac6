#include "environment_block.h"

#include <windows.h>

#include <algorithm>
#include <cwchar>

namespace procguard {

namespace {

constexpr const wchar_t* kNeeded[] = {L"HOMEDRIVE",   L"HOMEPATH",    L"LOGONSERVER", L"PATH",
                                      L"SYSTEMDRIVE", L"SYSTEMROOT",  L"TEMP",        L"USERDOMAIN",
                                      L"USERNAME",    L"USERPROFILE", L"WINDIR"};

int compare_names(const wchar_t* one, size_t one_length, const wchar_t* other, size_t other_length) {
  return CompareStringOrdinal(one, static_cast<int>(one_length), other, static_cast<int>(other_length),
                              TRUE) -
         CSTR_EQUAL;
}

// 0 for the directories of drives, as in `=C:=C:\\folder`: they stand first, as with Node.
size_t name_length(const std::wstring& entry) {
  return entry.find(L'=');
}

bool comes_before(const std::wstring& one, const std::wstring& other) {
  return compare_names(one.data(), name_length(one), other.data(), name_length(other)) < 0;
}

bool has_name(const std::wstring& entry, const wchar_t* name) {
  return compare_names(entry.data(), name_length(entry), name, wcslen(name)) == 0;
}

}  // namespace

bool find_own_variable(const wchar_t* name, std::wstring* value) {
  value->clear();
  // An empty one has a size of 1, for the end.
  for (DWORD size = GetEnvironmentVariableW(name, nullptr, 0); size != 0;) {
    value->resize(size);
    SetLastError(0);
    DWORD length = GetEnvironmentVariableW(name, &(*value)[0], size);
    // Another thread may have made it longer, or taken it away.
    if (length < size) {
      value->resize(length);
      return GetLastError() != ERROR_ENVVAR_NOT_FOUND;
    }
    size = length;
  }
  return false;
}

std::wstring own_variable(const wchar_t* name) {
  std::wstring value;
  find_own_variable(name, &value);
  return value;
}

std::wstring environment_block(std::vector<std::wstring> entries) {
  entries.erase(
      std::remove_if(entries.begin(), entries.end(),
                     [](const std::wstring& entry) { return name_length(entry) == std::wstring::npos; }),
      entries.end());
  size_t given = entries.size();
  for (const wchar_t* name : kNeeded) {
    bool is_given = std::any_of(entries.begin(), entries.begin() + given,
                                [name](const std::wstring& entry) { return has_name(entry, name); });
    if (is_given) continue;
    std::wstring value;
    if (find_own_variable(name, &value)) entries.push_back(std::wstring(name) + L'=' + value);
  }
  std::stable_sort(entries.begin(), entries.end(), comes_before);
  std::wstring block;
  for (const std::wstring& entry : entries) {
    block.append(entry.c_str());
    block.push_back(L'\0');
  }
  // An empty block, too, ends with two.
  block.append(entries.empty() ? 2 : 1, L'\0');
  return block;
}

const wchar_t* find_variable(const std::wstring& block, const wchar_t* name) {
  size_t length = wcslen(name);
  for (const wchar_t* entry = block.c_str(); *entry != L'\0'; entry += wcslen(entry) + 1) {
    const wchar_t* sign = wcschr(entry, L'=');
    if (sign == nullptr || static_cast<size_t>(sign - entry) != length) continue;
    if (compare_names(entry, length, name, length) == 0) return sign + 1;
  }
  return nullptr;
}

}  // namespace procguard
