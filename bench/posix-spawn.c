/*
 * The yardstick of `npm run bench -- spawn`: what C's posix_spawn costs on this machine.
 *
 * Reads lines of a number of calls and the nanoseconds to be busy before each, and answers each call with a line:
 *   <posix_spawn alone> <with three socket pairs made and their far ends closed> <start to exit>
 * The socket pairs and the signal reset are what Node does for a child with three pipes, so that the work is the same.
 * So is being busy: a caller that has run for a while gets its child placed on another, idle CPU, and is itself idle
 * until the child has exec'd. One that does nothing but spawn keeps it on its own CPU, without the wake-ups.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void fail(const char *what, int error) {
  fprintf(stderr, "posix-spawn: %s: %s\n", what, strerror(error));
  exit(1);
}

static void be_busy(int64_t ns) {
  int64_t until = now_ns() + ns;
  while (now_ns() < until) continue;
}

static void spawn_once(char *program, posix_spawnattr_t *attributes) {
  char *argv[] = {program, NULL};
  int pairs[3][2];
  posix_spawn_file_actions_t actions;
  pid_t pid;

  int64_t start = now_ns();
  posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; i++) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]) != 0) {
      perror("posix-spawn: socketpair");
      exit(1);
    }
    posix_spawn_file_actions_adddup2(&actions, pairs[i][1], i);
  }

  int64_t before = now_ns();
  int error = posix_spawn(&pid, program, &actions, attributes, argv, environ);
  int64_t after = now_ns();
  if (error != 0) fail(program, error);

  for (int i = 0; i < 3; i++) close(pairs[i][1]);
  int64_t done = now_ns();

  if (waitpid(pid, NULL, 0) != pid) {
    perror("posix-spawn: waitpid");
    exit(1);
  }
  int64_t exited = now_ns();

  for (int i = 0; i < 3; i++) close(pairs[i][0]);
  posix_spawn_file_actions_destroy(&actions);
  printf("%lld %lld %lld\n", (long long)(after - before), (long long)(done - start), (long long)(exited - start));
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: posix-spawn PROGRAM\n");
    return 2;
  }

  posix_spawnattr_t attributes;
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *rest;
    long calls = strtol(line, &rest, 10);
    int64_t busy_ns = strtoll(rest, NULL, 10);
    for (; calls > 0; calls--) {
      be_busy(busy_ns);
      spawn_once(argv[1], &attributes);
    }
    fflush(stdout);
  }
  return 0;
}
