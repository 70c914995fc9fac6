/*
 * The yardstick of `npm run bench -- spawn`: what C's posix_spawn costs on this machine.
 *
 * Reads one order a line from stdin:
 *   <number>   make that many calls; answers each with a line of nanoseconds:
 *              <posix_spawn alone> <with three socket pairs made and their far ends closed> <start to exit>
 *   pin        run this program and the thread that started it on one CPU; answers with a line
 *   unpin      the end of that; answers with a line
 *
 * The socket pairs and the signal reset are what Node does for a child with three pipes, so that the work is
 * the same.
 */
#define _GNU_SOURCE
#include <sched.h>
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

extern char** environ;

static int64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void fail(const char* what, int error) {
  fprintf(stderr, "posix-spawn: %s: %s\n", what, strerror(error));
  exit(1);
}

/* The parent's first thread is the one that spawns, and a thread's id is its process's when it is the first.
 */
static void set_cpus(const cpu_set_t* cpus) {
  if (sched_setaffinity(0, sizeof *cpus, cpus) != 0 ||
      sched_setaffinity(getppid(), sizeof *cpus, cpus) != 0) {
    perror("posix-spawn: sched_setaffinity");
    exit(1);
  }
  puts("ok");
}

static void spawn_once(char* program, posix_spawnattr_t* attributes) {
  char* argv[] = {program, NULL};
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
  printf("%lld %lld %lld\n", (long long)(after - before), (long long)(done - start),
         (long long)(exited - start));
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: posix-spawn PROGRAM\n");
    return 2;
  }

  posix_spawnattr_t attributes;
  sigset_t all_signals, no_signals;
  sigfillset(&all_signals);
  sigemptyset(&no_signals);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &all_signals);
  posix_spawnattr_setsigmask(&attributes, &no_signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  cpu_set_t all_cpus, one_cpu;
  if (sched_getaffinity(0, sizeof all_cpus, &all_cpus) != 0) {
    perror("posix-spawn: sched_getaffinity");
    return 1;
  }
  CPU_ZERO(&one_cpu);
  CPU_SET(sched_getcpu(), &one_cpu);

  char line[32];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strcmp(line, "pin\n") == 0)
      set_cpus(&one_cpu);
    else if (strcmp(line, "unpin\n") == 0)
      set_cpus(&all_cpus);
    else
      for (long calls = strtol(line, NULL, 10); calls > 0; calls--) spawn_once(argv[1], &attributes);
    fflush(stdout);
  }
  return 0;
}
