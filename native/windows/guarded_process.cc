#include "../guarded_process.h"

#include <signal.h>
#include <uv.h>

#include <vector>

#include "../guard.h"
#include "../loop_watch.h"
#include "command_line.h"
#include "environment_block.h"
#include "ipc_peer.h"
#include "pipe_pair.h"
#include "program_search.h"
#include "wide_text.h"

namespace procguard {

namespace {

// Entries of the descriptor list that spawn() is given, besides descriptors of the host.
constexpr int kIgnore = -1;
constexpr int kNewPipe = -2;
constexpr int kNewOverlappedPipe = -3;

enum SpawnFlag : uint32_t {
  kDetached = 1,
  kSetUid = 2,
  kSetGid = 4,
  kTree = 8,
  kHidden = 32,
  kVerbatim = 64,
  kConsoleGroup = 128
};

bool has_console() {
  return GetConsoleCP() != 0;
}

class Process : public Napi::ObjectWrap<Process> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "GuardedProcess",
                       {
                           InstanceMethod<&Process::spawn>("spawn"),
                           InstanceMethod<&Process::open>("open"),
                           InstanceMethod<&Process::adopt>("adopt"),
                           InstanceMethod<&Process::bind_channel>("bindChannel"),
                           InstanceMethod<&Process::kill>("kill"),
                           InstanceMethod<&Process::send_break>("sendBreak"),
                           InstanceMethod<&Process::end_tree>("endTree"),
                           InstanceMethod<&Process::tree_pids>("treePids"),
                           InstanceMethod<&Process::set_referenced>("setReferenced"),
                           InstanceMethod<&Process::close>("close"),
                           InstanceAccessor<&Process::child_number>("childNumber"),
                           InstanceAccessor<&Process::job_error>("jobError"),
                       });
  }

  explicit Process(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Process>(info) {}
  // A Worker's children outlive it, and nobody closes them.
  ~Process() override { settle_job(job_); }

 private:
  // spawn(file, args, cwd, envPairs, stdio, flags, uid, gid, graceMs, ended) → pid or a libuv error. Without
  // envPairs the child gets the host's environment. `stdio` is an Int32Array: a descriptor, kIgnore, or a new
  // pipe, which is replaced by the descriptor of the host's end. When the program can't be executed, the
  // pipes are there all the same, as with Node; when they can't be made, none is.
  Napi::Value spawn(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    return Napi::Number::New(env, spawn_from(info));
  }

  int spawn_from(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    uint32_t flags = info[5].As<Napi::Number>().Uint32Value();
    std::wstring file = wide_text(env, info[0]);
    if (flags & (kSetUid | kSetGid)) return UV_ENOTSUP;
    if (!info[1].IsArray() || is_batch_file(file)) return UV_EINVAL;
    ExitWatch* watch;
    int error = watch_of(env, &watch);
    if (error != 0) return error;

    LaunchPlan plan;
    plan.line = command_line(wide_texts(info[1].As<Napi::Array>()), flags & kVerbatim);
    plan.cwd = working_directory(info[2].IsString() ? wide_text(env, info[2]) : L"");
    plan.has_environment = info[3].IsArray();
    if (plan.has_environment) plan.environment = environment_block(wide_texts(info[3].As<Napi::Array>()));
    plan.scope = flags & kTree ? JobScope::kTree : JobScope::kChild;
    plan.detached = flags & kDetached;
    plan.console_group = flags & kConsoleGroup;
    plan.hidden = flags & kHidden;

    Napi::Int32Array stdio = info[4].As<Napi::Int32Array>();
    bool inherits_descriptor = false;
    error = fill_stdio(stdio, &plan.stdio, &inherits_descriptor);
    if (error != 0) return error;
    // A console program would open a window of its own where the host has none to share.
    plan.no_window = (plan.hidden && !inherits_descriptor && stdio.ElementLength() > 0) ||
                     (plan.console_group && !has_console());

    const wchar_t* path = plan.has_environment ? find_variable(plan.environment, L"PATH") : nullptr;
    plan.program = find_program(file, plan.cwd, path != nullptr ? std::wstring(path) : own_variable(L"PATH"));
    if (plan.program.empty()) return UV_ENOENT;

    Launched launched;
    error = launch(plan, &launched);
    if (error != 0) return error;
    process_ = std::move(launched.process);
    pid_ = launched.pid;
    job_ = launched.job;
    job_error_ = launched.job_error;
    leads_group_ = plan.console_group && !plan.no_window;
    error = begin_watch(watch, info[9].As<Napi::Function>());
    if (error == 0) return static_cast<int>(pid_);
    // Nobody would ever hear of its end, nor of what it has started by now.
    if (end_job(job_) != 0) TerminateProcess(process_.get(), 1);
    settle_job(job_);
    process_.reset();
    return error;
  }

  static int fill_stdio(Napi::Int32Array stdio, StdioBlock* block, bool* inherits_descriptor) {
    std::vector<Handle> host_ends(stdio.ElementLength());
    for (size_t i = 0; i < stdio.ElementLength(); i++) {
      int error;
      if (stdio[i] == kNewPipe || stdio[i] == kNewOverlappedPipe) {
        Handle child_end;
        error = make_pipe_pair(stdio[i] == kNewOverlappedPipe, &host_ends[i], &child_end);
        if (error == 0) error = block->add_pipe(std::move(child_end));
      } else if (stdio[i] == kIgnore) {
        error = block->add_nothing();
      } else {
        error = block->add_descriptor(stdio[i]);
        *inherits_descriptor = true;
      }
      if (error != 0) return error;
    }
    int error = block->finish();
    if (error != 0) return error;
    for (size_t i = 0; i < stdio.ElementLength(); i++) {
      if (!host_ends[i]) continue;
      int fd = uv_open_osfhandle(host_ends[i].get());
      // The runtime has no descriptors left. What has one already is attached, and closed by JavaScript.
      if (fd < 0) return UV_EMFILE;
      host_ends[i].release();
      stdio[i] = fd;
    }
    return 0;
  }

  // open(pid, startTicks, ended) → 0 or a libuv error: watches a process that is not our child.
  Napi::Value open(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    ExitWatch* watch;
    int error = watch_of(env, &watch);
    pid_ = info[0].As<Napi::Number>().Uint32Value();
    uint64_t start = static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value());
    if (error == 0) error = open_process(pid_, start, 0, &process_);
    if (error == 0) error = begin_watch(watch, info[2].As<Napi::Function>());
    return Napi::Number::New(env, error);
  }

  // adopt(pid, wholeTree): puts a child that Node has just started, and whose handle it holds, into a job.
  Napi::Value adopt(const Napi::CallbackInfo& info) {
    pid_ = info[0].As<Napi::Number>().Uint32Value();
    Handle job;
    job_error_ = adopt_into_job(pid_, info[1].ToBoolean() ? JobScope::kTree : JobScope::kChild, &job);
    if (job_error_ != 0) return info.Env().Undefined();
    job_ = keep_job(std::move(job), pid_);
    // Nobody here hears of its end.
    settle_job(job_);
    job_error_ = ERROR_NOT_SUPPORTED;
    return info.Env().Undefined();
  }

  // bindChannel(fd) → whether it could be told: the IPC channel whose host's end has this descriptor leads to
  // this process.
  Napi::Value bind_channel(const Napi::CallbackInfo& info) {
    uv_loop_t* loop;
    HANDLE channel = static_cast<HANDLE>(uv_get_osfhandle(info[0].As<Napi::Number>().Int32Value()));
    bool is_set = napi_get_uv_event_loop(info.Env(), &loop) == napi_ok && set_ipc_peer(loop, channel, pid_);
    return Napi::Boolean::New(info.Env(), is_set);
  }

  Napi::Value kill(const Napi::CallbackInfo& info) {
    int signal = info[0].As<Napi::Number>().Int32Value();
    // As Node has it: what Windows has no signal for ends the child, too.
    if (signal != 0 && signal != SIGINT && signal != SIGTERM && signal != SIGQUIT) signal = SIGKILL;
    int error = watched_.watched ? signal_handle(process_.get(), signal) : UV_ESRCH;
    if (error == 0 && signal != 0) signal_ = signal;
    return Napi::Number::New(info.Env(), error);
  }

  // CTRL_BREAK to the console group that the child leads: 0, or a libuv error; UV_ENOSYS: it leads none.
  Napi::Value send_break(const Napi::CallbackInfo& info) {
    int error = UV_ENOSYS;
    if (leads_group_ && !watched_.watched)
      error = UV_ESRCH;
    else if (leads_group_)
      error = GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, pid_) ? 0 : uv_translate_sys_error(GetLastError());
    return Napi::Number::New(info.Env(), error);
  }

  // Ends all that lives in the job: 0 or a libuv error.
  Napi::Value end_tree(const Napi::CallbackInfo& info) {
    int error = end_job(job_);
    if (error == 0) signal_ = SIGKILL;
    return Napi::Number::New(info.Env(), error);
  }

  // The pids of all that lives in the job, or a libuv error.
  Napi::Value tree_pids(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    JobUse use;
    int error = look_into_job(job_, &use);
    if (error != 0 && error != UV_ESRCH) return Napi::Number::New(env, error);
    Napi::Array pids = Napi::Array::New(env, use.pids.size());
    for (size_t i = 0; i < use.pids.size(); i++)
      pids[static_cast<uint32_t>(i)] = Napi::Number::New(env, use.pids[i]);
    return pids;
  }

  Napi::Value set_referenced(const Napi::CallbackInfo& info) {
    if (watched_.watch != nullptr) watched_.watch->set_referenced(&watched_, info[0].ToBoolean());
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    if (watched_.watched) {
      watched_.watch->remove(&watched_);
      ended_.Reset();
      Unref();
    }
    settle_job(job_);
    process_.reset();
    return info.Env().Undefined();
  }

  // By which its job, and so its tree, is known; 0: it has none.
  Napi::Value child_number(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(job_));
  }
  Napi::Value job_error(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), job_error_); }

  int begin_watch(ExitWatch* watch, const Napi::Function& ended) {
    watched_.process = process_.get();
    watched_.ended = [this] { report(); };
    int error = watch->add(&watched_);
    if (error != 0) return error;
    ended_ = Napi::Persistent(ended);
    Ref();
    return 0;
  }

  // ended(exitCode, signal); the signal is the one that this host has sent, as with Node.
  void report() {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    Napi::Function ended = ended_.Value();
    ended_.Reset();
    Napi::Value self = Value();
    Unref();
    DWORD code = 0;
    bool is_known = GetExitCodeProcess(process_.get(), &code);
    napi_value exit_code = is_known ? Napi::Number::New(env, code) : env.Null();
    napi_value signal = Napi::Number::New(env, signal_);
    napi_value arguments[] = {exit_code, signal}, result;
    if (napi_make_callback(env, nullptr, self, ended, 2, arguments, &result) != napi_pending_exception)
      return;
    // A listener threw: that is an uncaught exception, as it is in Node.
    napi_value exception;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }

  Handle process_;
  DWORD pid_ = 0;
  uint64_t job_ = 0;
  DWORD job_error_ = 0;
  bool leads_group_ = false;
  int signal_ = 0;
  Watched watched_;
  Napi::FunctionReference ended_;
};

}  // namespace

Napi::Function define_guarded_process(Napi::Env env) {
  return Process::define(env);
}

}  // namespace procguard
