// Descriptors as libproc tells of them, from /proc/<pid>/fd.
#include <dirent.h>
#include <fcntl.h>
#include <libproc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc.h"

namespace {

std::string folder_of(int pid) {
  return "/proc/" + std::to_string(pid) + "/fd/";
}

bool is_open_for_writing(int pid, int fd) {
  std::string text = shim::read_file(pid, ("fdinfo/" + std::to_string(fd)).c_str());
  size_t flags = text.find("flags:");
  return flags != std::string::npos && (strtol(text.c_str() + flags + 6, nullptr, 8) & O_ACCMODE) == O_WRONLY;
}

uint32_t type_of(const struct stat& file) {
  if (S_ISFIFO(file.st_mode)) return PROX_FDTYPE_PIPE;
  if (S_ISSOCK(file.st_mode)) return PROX_FDTYPE_SOCKET;
  // epoll, eventfd and their like have no type.
  return (file.st_mode & S_IFMT) == 0 ? PROX_FDTYPE_KQUEUE : PROX_FDTYPE_VNODE;
}

}  // namespace

int shim::list_descriptors(int pid, void* buffer, int size) {
  DIR* folder = opendir(folder_of(pid).c_str());
  if (folder == nullptr) return 0;
  std::vector<proc_fdinfo> list;
  while (const dirent* entry = readdir(folder)) {
    struct stat file;
    int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || (pid == getpid() && fd == dirfd(folder))) continue;
    if (stat((folder_of(pid) + entry->d_name).c_str(), &file) == 0) list.push_back({fd, type_of(file)});
  }
  closedir(folder);
  int bytes = static_cast<int>(list.size() * sizeof(proc_fdinfo));
  if (buffer == nullptr) return bytes;
  if (bytes > size) bytes = size;
  memcpy(buffer, list.data(), static_cast<size_t>(bytes));
  return bytes;
}

int proc_pidfdinfo(int pid, int fd, int, void* buffer, int size) {
  struct stat file;
  if (stat((folder_of(pid) + std::to_string(fd)).c_str(), &file) != 0) return 0;
  // One number for both ends on Linux.
  uint64_t end = is_open_for_writing(pid, fd) ? 1 : 0;
  uint64_t handle = static_cast<uint64_t>(file.st_ino) << 1 | end;
  static_cast<pipe_fdinfo*>(buffer)->pipeinfo = {handle, handle ^ 1};
  return size;
}
