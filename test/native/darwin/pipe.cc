// A pipe whose maker is held up before it can do more with it.
#include <stdlib.h>
#include <unistd.h>

#undef pipe

int shim_pipe(int ends[2]) {
  int result = pipe(ends);
  const char* ms = getenv("PROCGUARD_SHIM_PIPE_MS");
  if (ms != nullptr) usleep(static_cast<useconds_t>(atoi(ms)) * 1000);
  return result;
}
