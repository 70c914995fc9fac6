#include "keeper_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "identity.h"
#include "launch.h"

namespace procguard {

namespace {

// Memory with a descriptor and no name; macOS has none that is born so. -errno.
int make_nameless_memory() {
  uint32_t random = 0;
  getentropy(&random, sizeof(random));
  char name[32];  // the kernel allows 31 letters
  snprintf(name, sizeof(name), "/procguard-%d-%x", static_cast<int>(getpid()), random);
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return -errno;
  shm_unlink(name);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

}  // namespace

int make_registry(int* registry_fd, Registry** registry) {
  int fd = make_nameless_memory();
  if (fd < 0) return fd;
  void* made = MAP_FAILED;
  if (ftruncate(fd, static_cast<off_t>(sizeof(Registry))) == 0)
    made = mmap(nullptr, sizeof(Registry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (made == MAP_FAILED) {
    int error = errno;
    close(fd);
    return -error;
  }
  *registry_fd = fd;
  *registry = static_cast<Registry*>(made);
  return 0;
}

int start_keeper_process(const std::string& program, int registry_fd, KeeperProcess* started) {
  int line[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, line) != 0) return -errno;
  for (int fd : line) fcntl(fd, F_SETFD, FD_CLOEXEC);
  LaunchPlan plan;
  plan.file = program;
  // The mark goes as an argument: a keeper whose environment carried it would find and kill itself, and one
  // that carried an outer host's mark would be killed by the outer keeper before its work is done.
  std::string name = "procguard-keeper", identity = host_identity();
  for (std::string* part : {&name, &identity}) plan.argv.push_back(&(*part)[0]);
  plan.argv.push_back(nullptr);
  plan.envp.push_back(nullptr);
  plan.cwd = "/";
  plan.new_session = true;
  plan.immune = true;
  plan.fds = {-1, -1, -1, line[1], registry_fd};
  int unused = 0;  // it has no slot
  int error = launch(plan, &started->pid, &unused);
  close(line[1]);
  if (error != 0) {
    close(line[0]);
    return error;
  }
  started->line_fd = line[0];
  return 0;
}

}  // namespace procguard
