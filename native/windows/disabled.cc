#include "disabled.h"

#include <string>

#include "environment_block.h"

namespace procguard {

bool is_disabled(const char* name) {
  std::wstring list = L',' + own_variable(L"PROCGUARD_DISABLE") + L',';
  std::wstring word = L",";
  for (const char* letter = name; *letter != '\0'; letter++) word.push_back(*letter);
  return list.find(word + L',') != std::wstring::npos;
}

}  // namespace procguard
