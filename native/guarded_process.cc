#include "guarded_process.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "guard.h"
#include "loop_watch.h"
#include "string_block.h"

namespace procguard {

namespace {

// Entries of the descriptor list that spawn() is given, besides descriptors of the host.
constexpr int kIgnore = -1;
constexpr int kNewPipe = -2;

enum SpawnFlag : uint32_t { kNewSession = 1, kSetUid = 2, kSetGid = 4, kTree = 8, kInheritEnvironment = 16 };

constexpr char kMarkName[] = "PROCGUARD_HOST=";

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
    int error = make_stream_pair(pair);
    if (error != 0) return error;
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
                           InstanceAccessor<&Process::link_error>("linkError"),
                           InstanceAccessor<&Process::registered>("registered"),
                           InstanceAccessor<&Process::registry_error>("registryError"),
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
    for (char** entry = host_environment();
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
    ChildGuard guard = {(flags & kTree) != 0, grace_ms};
    error = start_child(plan, guard, &process_, &weakness_);
    if (error == 0) {
      error = begin_watch(watch, info[9].As<Napi::Function>());
      if (error == 0) return Napi::Number::New(env, process_.pid);
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
    pid_t pid = info[0].As<Napi::Number>().Int32Value();
    uint64_t start_ticks = static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value());
    error = open_stranger(pid, start_ticks, &process_);
    if (error == 0) error = begin_watch(watch, info[2].As<Napi::Function>());
    return Napi::Number::New(env, error);
  }

  Napi::Value kill(const Napi::CallbackInfo& info) {
    int signal = info[0].As<Napi::Number>().Int32Value();
    int error = process_.watched ? signal_watched(process_, signal) : -ESRCH;
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
    return Napi::Number::New(info.Env(), weakness_.cgroup_error);
  }
  Napi::Value link_error(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), weakness_.link_error);
  }
  Napi::Value registry_error(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), weakness_.registry_error);
  }
  Napi::Value registered(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), slot_ != nullptr && weakness_.registry_error == 0);
  }

  int begin_watch(ExitWatch* watch, const Napi::Function& ended) {
    process_.slot = slot_;
    process_.ended = [this](bool known, Ending ending) { report(known, ending); };
    int error = watch->add(&process_);
    if (error != 0) {
      abandon(&process_);
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
  ChildWeakness weakness_;
};

}  // namespace

Napi::Function define_guarded_process(Napi::Env env) {
  return Process::define(env);
}

}  // namespace procguard
