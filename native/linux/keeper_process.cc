#include "keeper_process.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "identity.h"

namespace procguard {

int make_registry(int* registry_fd, Registry** registry) {
  int fd = memfd_create("procguard-registry", MFD_CLOEXEC);
  if (fd < 0) return -errno;
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

int start_keeper_process(const std::string& program, int registry_fd, int cgroup_fd, KeeperProcess* started) {
  int line[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) != 0) return -errno;
  LaunchPlan plan;
  plan.file = program;
  // The mark goes as an argument: a keeper whose environment carried it would find and kill itself, and one
  // that carried an outer host's mark would be killed by the outer keeper before its work is done.
  std::string name = "procguard-keeper", identity = host_identity();
  for (std::string* part : {&name, &identity}) plan.argv.push_back(part->data());
  plan.argv.push_back(nullptr);
  plan.envp.push_back(nullptr);
  plan.cwd = "/";
  plan.new_session = true;
  plan.immune = true;
  plan.fds = {-1, -1, -1, line[1], registry_fd};
  if (cgroup_fd >= 0) plan.fds.push_back(cgroup_fd);
  Launched keeper;
  int error = launch(plan, &keeper);
  close(line[1]);
  if (error != 0) {
    close(line[0]);
    return error;
  }
  started->line_fd = line[0];
  started->process = keeper;
  return 0;
}

}  // namespace procguard
