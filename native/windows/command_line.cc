#include "command_line.h"

namespace procguard {

namespace {

// Backslashes mean themselves, except in front of a quotation mark: there each is doubled.
void append_quoted(const std::wstring& argument, std::wstring* line) {
  line->push_back(L'"');
  size_t backslashes = 0;
  for (wchar_t letter : argument) {
    if (letter == L'"') {
      line->append(backslashes + 1, L'\\');
    }
    backslashes = letter == L'\\' ? backslashes + 1 : 0;
    line->push_back(letter);
  }
  line->append(backslashes, L'\\');
  line->push_back(L'"');
}

}  // namespace

std::wstring command_line(const std::vector<std::wstring>& arguments, bool verbatim) {
  std::wstring line;
  for (size_t i = 0; i < arguments.size(); i++) {
    const std::wstring& argument = arguments[i];
    if (i > 0) line.push_back(L' ');
    bool needs_quotes = argument.empty() || argument.find_first_of(L" \t\"") != std::wstring::npos;
    if (needs_quotes && !verbatim)
      append_quoted(argument, &line);
    else
      line += argument;
  }
  return line;
}

}  // namespace procguard
