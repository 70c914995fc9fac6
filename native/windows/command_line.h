// One line of text for the arguments of a program, since that is all that Windows hands over.
#pragma once

#include <string>
#include <vector>

namespace procguard {

// Quoted so that the C runtime of the child takes the line apart into the same arguments, as Node does it;
// `verbatim` only puts blanks between them.
std::wstring command_line(const std::vector<std::wstring>& arguments, bool verbatim);

}  // namespace procguard
