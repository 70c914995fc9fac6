/*
 * The yardstick of `npm run bench -- scale`: how long the workers alone take to start, without Node.
 *
 * usage: start-workers COUNT AT_A_TIME PROGRAM [ARGUMENT...]
 *
 * Starts COUNT times the program, all at once, as a Pool does: in a session of its own, with nothing on stdin
 * and socket pairs for stdout, stderr, control and data. Waits until each has written a line, its hello, to
 * control, and prints the nanoseconds from before the first start to the last hello. Then it closes the
 * sockets, upon which the workers end, and waits for that.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

enum { PIPES = 4, FIRST = 1, CONTROL = 3 };

static int64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void fail(const char* what) {
  perror(what);
  exit(1);
}

/* As Node does at its start: a thousand workers take more descriptors than the usual soft limit allows. */
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
}

static void start_one(char** argv, const posix_spawnattr_t* attributes, int* host_ends) {
  posix_spawn_file_actions_t actions;
  int child_ends[PIPES];
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (int i = 0; i < PIPES; i++) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail("socketpair");
    host_ends[i] = pair[0];
    child_ends[i] = pair[1];
    posix_spawn_file_actions_adddup2(&actions, pair[1], FIRST + i);
  }
  pid_t pid;
  int error = posix_spawn(&pid, argv[0], &actions, attributes, argv, environ);
  if (error != 0) {
    fprintf(stderr, "posix_spawn: %s\n", strerror(error));
    exit(1);
  }
  for (int i = 0; i < PIPES; i++) close(child_ends[i]);
  posix_spawn_file_actions_destroy(&actions);
}

/* True when the line has come to its end. */
static int read_hello(int fd) {
  char buffer[4096];
  ssize_t got = read(fd, buffer, sizeof buffer);
  if (got <= 0) {
    fprintf(stderr, "start-workers: a worker ended before its hello\n");
    exit(1);
  }
  return memchr(buffer, '\n', (size_t)got) != NULL;
}

static int take_hellos(int epoll) {
  struct epoll_event events[64];
  int hellos = 0;
  int ready = epoll_wait(epoll, events, 64, -1);
  for (int i = 0; i < ready; i++) {
    if (!read_hello(events[i].data.fd)) continue;
    epoll_ctl(epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
    hellos++;
  }
  return hellos;
}

int main(int argc, char** argv) {
  int count = argc < 4 ? 0 : atoi(argv[1]);
  int at_a_time = argc < 4 ? 0 : atoi(argv[2]);
  if (count < 1 || at_a_time < 1) {
    fprintf(stderr, "usage: start-workers COUNT AT_A_TIME PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  raise_descriptor_limit();
  char host_pid[16];
  snprintf(host_pid, sizeof host_pid, "%d", getpid());
  setenv("PROCGUARD_HOST_PID", host_pid, 1);

  posix_spawnattr_t attributes;
  sigset_t all_signals, no_signals;
  sigfillset(&all_signals);
  sigemptyset(&no_signals);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &all_signals);
  posix_spawnattr_setsigmask(&attributes, &no_signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);

  int(*host_ends)[PIPES] = calloc((size_t)count, sizeof *host_ends);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (host_ends == NULL || epoll < 0) fail("start-workers");

  int64_t start = now_ns();
  for (int started = 0, ready = 0; ready < count; ready += take_hellos(epoll)) {
    for (; started < count && started - ready < at_a_time; started++) {
      int* ends = host_ends[started];
      start_one(argv + 3, &attributes, ends);
      struct epoll_event event = {.events = EPOLLIN, .data.fd = ends[CONTROL - FIRST]};
      if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) != 0) fail("epoll_ctl");
    }
  }
  printf("%lld\n", (long long)(now_ns() - start));
  fflush(stdout);

  for (int i = 0; i < count; i++)
    for (int j = 0; j < PIPES; j++) close(host_ends[i][j]);
  while (wait(NULL) > 0) continue;
  return 0;
}
