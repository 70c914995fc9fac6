#include "disabled.h"

#include <stdlib.h>
#include <string.h>

namespace procguard {

bool disabled(const char* mechanism) {
  size_t length = strlen(mechanism);
  for (const char* list = getenv("PROCGUARD_DISABLE"); list != nullptr; list = strchr(list, ',')) {
    if (*list == ',') list++;
    if (strncmp(list, mechanism, length) == 0 && (list[length] == ',' || list[length] == '\0')) return true;
  }
  return false;
}

}  // namespace procguard
