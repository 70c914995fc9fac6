/*
 * A child of `npm run bench -- kill` with one grandchild that escaped: double-forked, in a session of its
 * own.
 *
 * fd 3 is held by children only and fd 4 by grandchildren only, so EOF on the far end of either proves that
 * the last of its holders is dead. Each writes its pid as one line when it is ready, then waits for one byte.
 * Whoever receives one answers it and ends: that is how the bench proves that the unguarded ones survived,
 * and how it ends them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char* what) {
  fprintf(stderr, "kill-child: %s: %s\n", what, strerror(errno));
  return 1;
}

static int serve(int fd) {
  char line[16], byte;
  int length = snprintf(line, sizeof line, "%d\n", (int)getpid());
  if (write(fd, line, (size_t)length) != length) return fail("write");

  ssize_t got;
  do got = read(fd, &byte, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1 && write(fd, ".\n", 2) != 2) return fail("write");
  return 0;
}

static int become_grandchild(void) {
  if (setsid() < 0) return fail("setsid");
  pid_t pid = fork();
  if (pid < 0) return fail("fork");
  if (pid > 0) return 0;
  close(3);
  return serve(4);
}

int main(void) {
  pid_t pid = fork();
  if (pid < 0) return fail("fork");
  if (pid == 0) return become_grandchild();
  close(4);
  if (waitpid(pid, NULL, 0) != pid) return fail("waitpid");
  return serve(3);
}
