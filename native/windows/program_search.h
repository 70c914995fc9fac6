// Finds the file of a program as Node does it.
#pragma once

#include <string>

namespace procguard {

// The path of the file to execute; empty: there is none. A name with a directory is looked for there, any
// other in `cwd` and then along `path`. In each directory: the name itself if it has an extension, then with
// .com, then with .exe; PATHEXT counts as little as it does for Node, since Windows executes nothing else by
// itself.
std::wstring find_program(const std::wstring& name, const std::wstring& cwd, const std::wstring& path);

// The directory that a child gets: `given`, or the host's where that is empty. One that is too long for
// CreateProcess by its short name, as with Node, if the disk keeps such names.
std::wstring working_directory(const std::wstring& given);

// Whether it would be run by cmd.exe, which takes arguments apart in a way that can't be quoted for: Node
// refuses such a file without a shell.
bool is_batch_file(const std::wstring& name);

}  // namespace procguard
