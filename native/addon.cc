// Module init and value conversion, nothing else. What a call does stands in guard.h.
#define NAPI_VERSION 8
#include <napi.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "guard.h"

extern char** environ;

namespace procguard {

namespace {

// Entries of the descriptor list that spawn() is given, besides descriptors of the host.
constexpr int kIgnore = -1;
constexpr int kNewPipe = -2;

enum SpawnFlag : uint32_t { kNewSession = 1, kSetUid = 2, kSetGid = 4, kTree = 8, kInheritEnvironment = 16 };

constexpr char kMarkName[] = "PROCGUARD_HOST=";

// One JavaScript thread's share of the addon.
struct Instance {
  ExitWatch* watch = nullptr;
};

// Reads strings into one block of memory that stays while a child is started.
class StringBlock {
 public:
  explicit StringBlock(napi_env env) : env_(env) {}

  // Appends the texts of a JavaScript array to `list` as pointers into the block. Call finish() before use.
  void append(const Napi::Array& array, std::vector<size_t>* offsets) {
    uint32_t length = array.Length();
    offsets->reserve(length + 2);
    for (uint32_t i = 0; i < length; i++) {
      // A command line may have a hundred thousand of them.
      Napi::HandleScope scope(env_);
      napi_value item;
      if (napi_get_element(env_, array, i, &item) != napi_ok) continue;
      napi_valuetype type;
      napi_typeof(env_, item, &type);
      offsets->push_back(type == napi_string ? append(item) : append_any(item));
    }
  }

  size_t append(napi_value text) {
    size_t start = used_, length = 0;
    reserve(256);
    napi_get_value_string_utf8(env_, text, bytes_.data() + start, bytes_.size() - start, &length);
    // A text that filled what was there may have been cut off.
    if (length + 4 >= bytes_.size() - start) {
      size_t whole = 0;
      napi_get_value_string_utf8(env_, text, nullptr, 0, &whole);
      reserve(whole + 1);
      napi_get_value_string_utf8(env_, text, bytes_.data() + start, bytes_.size() - start, &length);
    }
    used_ = start + length + 1;
    return start;
  }

  // What isn't a string becomes one, and what can't become one is empty, as in Node's own spawn.
  size_t append_any(napi_value value) {
    napi_value text, thrown;
    if (napi_coerce_to_string(env_, value, &text) == napi_ok) return append(text);
    napi_get_and_clear_last_exception(env_, &thrown);
    return append("");
  }

  size_t append(const char* text) {
    size_t start = used_, length = strlen(text);
    reserve(length + 1);
    memcpy(bytes_.data() + start, text, length + 1);
    used_ = start + length + 1;
    return start;
  }

  char* at(size_t offset) { return bytes_.data() + offset; }

 private:
  void reserve(size_t more) {
    if (bytes_.size() - used_ < more) bytes_.resize(std::max(bytes_.size() * 2, used_ + more + 4096));
  }

  napi_env env_;
  std::vector<char> bytes_;
  size_t used_ = 0;
};

bool is_mark(const char* entry) {
  return strncmp(entry, kMarkName, sizeof(kMarkName) - 1) == 0;
}

// Whether two entries, NAME=value, are of one variable.
bool same_name(const char* one, const char* other) {
  while (*one == *other && *one != '=' && *one != '\0') one++, other++;
  return *one == '=' && *other == '=';
}

// The pipes of one spawn: what JavaScript gets, and what goes to the child and is closed here.
class Pipes {
 public:
  ~Pipes() {
    for (int fd : child_ends_) close(fd);
  }
  // 0 or -errno.
  int make(int* host_end, int* child_end) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return -errno;
    host_ends_.push_back(pair[0]);
    child_ends_.push_back(pair[1]);
    *host_end = pair[0];
    *child_end = pair[1];
    return 0;
  }
  void close_host_ends() {
    for (int fd : host_ends_) close(fd);
  }

 private:
  std::vector<int> host_ends_, child_ends_;
};

int watch_of(napi_env env, ExitWatch** watch);

class Process : public Napi::ObjectWrap<Process> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "GuardedProcess",
                       {
                           InstanceMethod<&Process::spawn>("spawn"),
                           InstanceMethod<&Process::open>("open"),
                           InstanceMethod<&Process::kill>("kill"),
                           InstanceMethod<&Process::set_referenced>("setReferenced"),
                           InstanceMethod<&Process::close>("close"),
                           InstanceAccessor<&Process::child_number>("childNumber"),
                           InstanceAccessor<&Process::cgroup_error>("cgroupError"),
                           InstanceAccessor<&Process::registered>("registered"),
                       });
  }

  explicit Process(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Process>(info) {}

 private:
  // spawn(file, args, cwd, envPairs, stdio, flags, uid, gid, graceMs, ended) → pid or -errno. Without
  // envPairs, and with kInheritEnvironment besides them, the child gets the host's environment. `stdio` is an
  // Int32Array: a descriptor, kIgnore, or kNewPipe, which is replaced by the host's end of a new pipe. When
  // the program can't be executed, the pipes are there all the same, as with Node; when they can't be made,
  // none is.
  Napi::Value spawn(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    ExitWatch* watch;
    int error = watch_of(env, &watch);
    if (error != 0) return Napi::Number::New(env, error);

    LaunchPlan plan;
    StringBlock block(env);
    uint32_t flags = info[5].As<Napi::Number>().Uint32Value();
    uint32_t grace_ms = info[8].As<Napi::Number>().Uint32Value();
    std::vector<size_t> args, envp;
    size_t file = block.append(info[0]);
    size_t cwd = info[2].IsString() ? block.append(info[2]) : 0;
    if (info[1].IsArray()) block.append(info[1].As<Napi::Array>(), &args);
    bool given = info[3].IsArray();
    if (given) block.append(info[3].As<Napi::Array>(), &envp);
    size_t own = envp.size();
    for (char** entry = environ;
         (!given || (flags & kInheritEnvironment)) && entry != nullptr && *entry != nullptr; entry++) {
      // What Node has added for this child goes before what the host has.
      bool replaced = false;
      for (size_t i = 0; i < own && !replaced; i++) replaced = same_name(block.at(envp[i]), *entry);
      if (!replaced) envp.push_back(block.append(*entry));
    }
    if (flags & kTree) {
      child_number_ = next_child_number();
      std::string mark = kMarkName + host_identity() + '.' + std::to_string(child_number_);
      if (grace_ms > 0) mark += '.' + std::to_string(grace_ms);
      envp.push_back(block.append(mark.c_str()));
    }
    // No text moves any more.
    plan.file = block.at(file);
    if (info[2].IsString()) plan.cwd = block.at(cwd);
    for (size_t offset : args) plan.argv.push_back(block.at(offset));
    plan.argv.push_back(nullptr);
    for (size_t i = 0; i < envp.size(); i++) {
      char* entry = block.at(envp[i]);
      // Ours, the last, replaces an outer host's.
      if ((flags & kTree) && i + 1 < envp.size() && is_mark(entry)) continue;
      plan.envp.push_back(entry);
    }
    plan.envp.push_back(nullptr);
    plan.new_session = flags & kNewSession;
    plan.set_uid = flags & kSetUid;
    plan.set_gid = flags & kSetGid;
    plan.uid = static_cast<uid_t>(info[6].As<Napi::Number>().Int32Value());
    plan.gid = static_cast<gid_t>(info[7].As<Napi::Number>().Int32Value());

    Napi::Int32Array stdio = info[4].As<Napi::Int32Array>();
    Pipes pipes;
    for (size_t i = 0; i < stdio.ElementLength(); i++) {
      int fd = stdio[i];
      if (fd == kNewPipe) {
        error = pipes.make(&stdio[i], &fd);
        if (error != 0) {
          pipes.close_host_ends();
          return Napi::Number::New(env, error);
        }
      }
      plan.fds.push_back(fd == kIgnore ? -1 : fd);
    }

    plan.slot = slot_ = take_slot(grace_ms);
    // The kernel would send a SIGTERM once for each thread of the host that ends before the last, and a
    // worker that cleans up gets to hear of each. With a grace, the one SIGTERM is the keeper's.
    plan.death_signal = grace_ms > 0 && slot_ != nullptr ? 0 : SIGKILL;
    if (flags & kTree) {
      plan.cgroup_fd = cgroup_leaf(grace_ms);
      if (plan.cgroup_fd < 0) cgroup_error_ = plan.cgroup_fd;
    }
    Launched launched;
    error = launch_from_immortal_thread(plan, &launched);
    if (error == 0) {
      process_.pid = launched.pid;
      process_.pidfd = launched.pidfd;
      process_.is_child = true;
      if (launched.cgroup_error != 0) cgroup_error_ = launched.cgroup_error;
      error = begin_watch(watch, info[9].As<Napi::Function>());
      if (error == 0) return Napi::Number::New(env, launched.pid);
      // Nobody would ever hear of its end.
      ::kill(launched.pid, SIGKILL);
      Ending ending;
      reap(launched.pid, -1, false, &ending);
      process_.pid = 0;
    }
    return_slot(slot_);
    slot_ = nullptr;
    return Napi::Number::New(env, error);
  }

  // open(pid, startTicks, ended) → 0 or -errno: watches a process that is not our child.
  Napi::Value open(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    ExitWatch* watch;
    int error = watch_of(env, &watch);
    if (error != 0) return Napi::Number::New(env, error);
    process_.pid = info[0].As<Napi::Number>().Int32Value();
    uint64_t start_ticks = static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value());
    process_.pidfd = open_process(process_.pid, start_ticks);
    error = process_.pidfd < 0 ? process_.pidfd : begin_watch(watch, info[2].As<Napi::Function>());
    return Napi::Number::New(env, error);
  }

  Napi::Value kill(const Napi::CallbackInfo& info) {
    int signal = info[0].As<Napi::Number>().Int32Value();
    int error = -ESRCH;
    if (process_.watched) {
      error = process_.pidfd >= 0 ? pidfd_send_signal(process_.pidfd, signal) : -ENOSYS;
      // By pid is as safe: it isn't free before we have reaped the child.
      if (error == -ENOSYS) error = ::kill(process_.pid, signal) == 0 ? 0 : -errno;
    }
    return Napi::Number::New(info.Env(), error);
  }

  Napi::Value set_referenced(const Napi::CallbackInfo& info) {
    if (watch_ != nullptr) watch_->set_referenced(&process_, info[0].ToBoolean());
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    end_watch();
    return info.Env().Undefined();
  }

  Napi::Value child_number(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(child_number_));
  }
  Napi::Value cgroup_error(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), cgroup_error_);
  }
  Napi::Value registered(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), slot_ != nullptr);
  }

  int begin_watch(ExitWatch* watch, const Napi::Function& ended) {
    process_.slot = slot_;
    process_.ended = [this](bool known, Ending ending) { report(known, ending); };
    int error = watch->add(&process_);
    if (error != 0) {
      if (process_.pidfd >= 0) ::close(process_.pidfd);
      process_.pidfd = -1;
      return error;
    }
    watch_ = watch;
    ended_ = Napi::Persistent(ended);
    Ref();
    return 0;
  }

  void end_watch() {
    if (!process_.watched) return;
    watch_->remove(&process_);
    watch_ = nullptr;
    ended_.Reset();
    Unref();
  }

  // ended(exitCode, signal); both null when the status is unknown.
  void report(bool known, Ending ending) {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    watch_ = nullptr;
    Napi::Function ended = ended_.Value();
    ended_.Reset();
    Napi::Value self = Value();
    Unref();
    napi_value code = known ? Napi::Number::New(env, ending.exit_code) : env.Null();
    napi_value signal = known ? Napi::Number::New(env, ending.signal) : env.Null();
    napi_value arguments[] = {code, signal}, result;
    if (napi_make_callback(env, nullptr, self, ended, 2, arguments, &result) != napi_pending_exception)
      return;
    // A listener threw: that is an uncaught exception, as it is in Node.
    napi_value exception;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }

  Watched process_;
  ExitWatch* watch_ = nullptr;
  RegistrySlot* slot_ = nullptr;
  Napi::FunctionReference ended_;
  uint64_t child_number_ = 0;
  int cgroup_error_ = 0;
};

void close_watch(napi_async_cleanup_hook_handle handle, void* data) {
  ExitWatch* watch = static_cast<ExitWatch*>(data);
  watch->close([handle] { napi_remove_async_cleanup_hook(handle); });
}

// This thread's ExitWatch, made when first asked for. 0 or -errno.
int watch_of(napi_env env, ExitWatch** watch) {
  Instance* instance = Napi::Env(env).GetInstanceData<Instance>();
  if (instance->watch == nullptr) {
    uv_loop_t* loop;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -ENOSYS;
    int error = ExitWatch::create(loop, &instance->watch);
    if (error != 0) return error;
    // The thread's loop lives until this hook says that the watch has let go of it.
    if (napi_add_async_cleanup_hook(env, close_watch, instance->watch, nullptr) != napi_ok) {
      instance->watch->close([] {});
      instance->watch = nullptr;
      return -ENOMEM;
    }
  }
  *watch = instance->watch;
  return 0;
}

Napi::Value get_features(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  result["pidfd"] = features().pidfd;
  result["waitidPidfd"] = features().waitid_pidfd;
  result["clone3"] = features().clone3;
  return result;
}

Napi::Value get_host_identity(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), host_identity());
}

Napi::Value start(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), start_guard(info[0].As<Napi::String>()));
}

Napi::Value get_status(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  GuardStatus status = guard_status();
  Napi::Object result = Napi::Object::New(env);
  result["keeper"] = status.keeper;
  result["keeperPid"] = Napi::Number::New(env, status.keeper_pid);
  result["keeperRestarts"] = Napi::Number::New(env, status.keeper_restarts);
  result["keeperError"] = Napi::Number::New(env, status.keeper_error);
  result["cgroup"] = status.cgroup;
  if (status.cgroup_reason != nullptr) result["cgroupReason"] = status.cgroup_reason;
  result["cgroupError"] = Napi::Number::New(env, status.cgroup_error);
  return result;
}

Napi::Value get_own_cgroup(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), own_cgroup_directory());
}

// Takes the snapshot in libuv's pool: on a full machine it opens thousands of files. Plain calls, whose
// status is looked at: the thread that asked may be ending, and then every one of them fails.
struct Snapshot {
  napi_async_work work;
  napi_deferred deferred;
  std::vector<ProcessEntry> table;
  int error;
};

// One line for each process: "pid parent group session start-ticks flags[ mark]".
std::string to_text(const std::vector<ProcessEntry>& table) {
  std::string text;
  for (const ProcessEntry& entry : table) {
    const ProcessStat& stat = entry.stat;
    std::string flags;
    if (is_dead(stat)) flags += 'd';
    if (stat.state == 'T') flags += 's';
    if (stat.is_keeper) flags += 'k';
    if (entry.mark_read != MarkRead::kUnreadable) flags += 'r';
    if (entry.same_namespaces) flags += 'n';
    text += std::to_string(stat.pid) + ' ' + std::to_string(stat.parent) + ' ' + std::to_string(stat.group) +
            ' ' + std::to_string(stat.session) + ' ' + std::to_string(stat.start_ticks) + ' ' + flags + '-';
    if (entry.mark_read == MarkRead::kFound) {
      text += ' ';
      for (char letter : entry.mark) text += letter > ' ' && letter < 127 ? letter : '?';
    }
    text += '\n';
  }
  return text;
}

void finish_snapshot(napi_env env, napi_status, void* data) {
  std::unique_ptr<Snapshot> job(static_cast<Snapshot*>(data));
  napi_value result;
  std::string text = to_text(job->table);
  napi_status made = job->error != 0 ? napi_create_int32(env, job->error, &result)
                                     : napi_create_string_utf8(env, text.data(), text.size(), &result);
  if (made == napi_ok) napi_resolve_deferred(env, job->deferred, result);
  napi_delete_async_work(env, job->work);
}

Napi::Value take_snapshot(const Napi::CallbackInfo& info) {
  napi_env env = info.Env();
  std::unique_ptr<Snapshot> job(new Snapshot());
  napi_value promise, name;
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_create_string_utf8(env, "procguard:snapshot", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(
          env, nullptr, name,
          [](napi_env, void* data) {
            Snapshot* self = static_cast<Snapshot*>(data);
            self->error = snapshot(&self->table);
          },
          finish_snapshot, job.get(), &job->work) != napi_ok)
    return info.Env().Undefined();
  if (napi_queue_async_work(env, job->work) == napi_ok) job.release();
  return Napi::Value(env, promise);
}

// signal(pid, startTicks, signal) → 0 or -errno
Napi::Value signal_process(const Napi::CallbackInfo& info) {
  int error = send_signal(info[0].As<Napi::Number>().Int32Value(),
                          static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value()),
                          info[2].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), error);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Instance());
  // Tried now, while there are descriptors to try with: the answer holds for the life of the process.
  features();
  exports["GuardedProcess"] = Process::define(env);
  exports["features"] = Napi::Function::New<get_features>(env);
  exports["hostIdentity"] = Napi::Function::New<get_host_identity>(env);
  exports["startGuard"] = Napi::Function::New<start>(env);
  exports["guardStatus"] = Napi::Function::New<get_status>(env);
  exports["ownCgroup"] = Napi::Function::New<get_own_cgroup>(env);
  exports["snapshot"] = Napi::Function::New<take_snapshot>(env);
  exports["signal"] = Napi::Function::New<signal_process>(env);
  return exports;
}

}  // namespace

}  // namespace procguard

namespace {
Napi::Object InitAll(Napi::Env env, Napi::Object exports) {
  return procguard::init(env, exports);
}
}  // namespace

NODE_API_MODULE(procguard, InitAll)
