// A thread that nobody joins.
#pragma once

namespace procguard {

// It takes none of the process's signals. 0 or -errno.
int start_detached_thread(void* (*run)(void*));

}  // namespace procguard
