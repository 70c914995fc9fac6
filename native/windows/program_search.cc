#include "program_search.h"

#include <windows.h>

#include <cwchar>

namespace procguard {

namespace {

bool is_separator(wchar_t letter) {
  return letter == L'\\' || letter == L'/';
}

void append_separator(std::wstring* path) {
  wchar_t last = path->empty() ? L'\\' : path->back();
  if (!is_separator(last) && last != L':') path->push_back(L'\\');
}

// What `directory` means for a process whose current directory is `cwd`.
std::wstring resolve(std::wstring directory, const std::wstring& cwd) {
  bool has_drive = directory.size() >= 2 && directory[1] == L':';
  bool is_rooted = !directory.empty() && is_separator(directory[0]);
  std::wstring base = cwd;
  if (is_rooted) {
    // \\server\share stands for itself; \directory is one of the current drive.
    bool is_share = directory.size() > 2 && is_separator(directory[1]);
    base = is_share ? L"" : cwd.substr(0, 2);
  } else if (has_drive) {
    bool is_absolute = directory.size() > 2 && is_separator(directory[2]);
    // D:directory is relative to the current directory, if that is on D:.
    bool is_relative_here =
        !is_absolute && cwd.size() >= 2 && _wcsnicmp(cwd.c_str(), directory.c_str(), 2) == 0;
    if (is_relative_here)
      directory.erase(0, 2);
    else
      base.clear();
  }
  if (!base.empty() && !is_rooted) append_separator(&base);
  base += directory;
  if (!base.empty()) append_separator(&base);
  return base;
}

bool is_file(const std::wstring& path) {
  DWORD attributes = GetFileAttributesW(path.c_str());
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

std::wstring find_in(const std::wstring& directory, const std::wstring& name, const std::wstring& cwd) {
  size_t dot = name.find(L'.');
  bool has_extension = dot != std::wstring::npos && dot + 1 < name.size();
  std::wstring stem = resolve(directory, cwd) + name;
  if (has_extension && is_file(stem)) return stem;
  if (stem.back() != L'.') stem.push_back(L'.');
  for (const wchar_t* extension : {L"com", L"exe"}) {
    if (is_file(stem + extension)) return stem + extension;
  }
  return L"";
}

// The next directory of a search path, without the quotation marks that may protect a semicolon in it.
std::wstring next_directory(const std::wstring& path, size_t* at) {
  size_t start = *at, from = start;
  if (start < path.size() && (path[start] == L'"' || path[start] == L'\'')) {
    size_t closing = path.find(path[start], start + 1);
    if (closing != std::wstring::npos) from = closing;
  }
  size_t end = path.find(L';', from);
  if (end == std::wstring::npos) end = path.size();
  *at = end + 1;
  std::wstring directory = path.substr(start, end - start);
  if (!directory.empty() && (directory[0] == L'"' || directory[0] == L'\'')) directory.erase(0, 1);
  if (!directory.empty() && (directory.back() == L'"' || directory.back() == L'\'')) directory.pop_back();
  return directory;
}

// What such a function of Windows writes into a buffer, however long; empty: it failed.
template <typename Fill>
std::wstring filled(Fill fill) {
  std::wstring text;
  for (DWORD size = fill(nullptr, 0); size != 0;) {
    text.resize(size);
    DWORD length = fill(&text[0], size);
    // Another thread may have made it longer.
    if (length < size) {
      text.resize(length);
      return text;
    }
    size = length;
  }
  return L"";
}

}  // namespace

std::wstring working_directory(const std::wstring& given) {
  std::wstring directory =
      given.empty() ? filled([](wchar_t* text, DWORD size) { return GetCurrentDirectoryW(size, text); })
                    : given;
  if (directory.size() < MAX_PATH) return directory;
  std::wstring shorter = filled(
      [&directory](wchar_t* text, DWORD size) { return GetShortPathNameW(directory.c_str(), text, size); });
  return shorter.empty() ? directory : shorter;
}

std::wstring find_program(const std::wstring& name, const std::wstring& cwd, const std::wstring& path) {
  if (name.empty() || name == L".") return L"";
  size_t end_of_directory = name.find_last_of(L"\\/:");
  if (end_of_directory != std::wstring::npos) {
    std::wstring file = name.substr(end_of_directory + 1);
    if (file.empty()) return L"";
    return find_in(name.substr(0, end_of_directory + 1), file, cwd);
  }
  if (NeedCurrentDirectoryForExePathW(L"")) {
    std::wstring found = find_in(L"", name, cwd);
    if (!found.empty()) return found;
  }
  for (size_t at = 0; at < path.size();) {
    std::wstring directory = next_directory(path, &at);
    if (directory.empty()) continue;
    std::wstring found = find_in(directory, name, cwd);
    if (!found.empty()) return found;
  }
  return L"";
}

bool is_batch_file(const std::wstring& name) {
  // Windows drops blanks and dots at the end of a name.
  size_t end = name.find_last_not_of(L" .");
  if (end == std::wstring::npos || end < 4) return false;
  std::wstring extension = name.substr(end - 3, 4);
  return _wcsicmp(extension.c_str(), L".bat") == 0 || _wcsicmp(extension.c_str(), L".cmd") == 0;
}

}  // namespace procguard
