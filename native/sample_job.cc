#include "sample_job.h"

#include <memory>
#include <vector>

#include "guard.h"

namespace procguard {

namespace {

constexpr size_t kInputColumns = 3;
constexpr size_t kHeader = 2;
constexpr size_t kColumns = 10;

// As with a snapshot: plain calls, since the thread that asked may be ending.
struct SampleJob {
  napi_async_work work;
  napi_deferred deferred;
  std::vector<SampledProcess> processes;
  std::vector<Sample> samples;
  uint64_t suspended_ns;
  bool trees;
  int error;
};

// Numbers only: an object for each of a thousand processes would cost the event loop more than this whole
// array.
void write_samples(const SampleJob& job, double* out) {
  *out++ = static_cast<double>(monotonic_ns());
  *out++ = static_cast<double>(job.suspended_ns);
  for (const Sample& sample : job.samples) {
    *out++ = sample.error;
    *out++ = sample.state;
    *out++ = static_cast<double>(sample.at_ns);
    *out++ = static_cast<double>(sample.cpu_ns);
    *out++ = static_cast<double>(sample.resident_bytes);
    *out++ = static_cast<double>(sample.threads);
    *out++ = sample.tracer;
    *out++ = static_cast<double>(sample.tree.processes);
    *out++ = static_cast<double>(sample.tree.cpu_ns);
    *out++ = static_cast<double>(sample.tree.resident_bytes);
  }
}

napi_status make_array(napi_env env, const SampleJob& job, napi_value* array) {
  size_t length = kHeader + job.samples.size() * kColumns;
  void* bytes;
  napi_value buffer;
  napi_status made = napi_create_arraybuffer(env, length * sizeof(double), &bytes, &buffer);
  if (made != napi_ok) return made;
  write_samples(job, static_cast<double*>(bytes));
  return napi_create_typedarray(env, napi_float64_array, length, buffer, 0, array);
}

void finish_sample(napi_env env, napi_status, void* data) {
  std::unique_ptr<SampleJob> job(static_cast<SampleJob*>(data));
  napi_value result;
  napi_status made =
      job->error != 0 ? napi_create_int32(env, job->error, &result) : make_array(env, *job, &result);
  if (made == napi_ok) napi_resolve_deferred(env, job->deferred, result);
  napi_delete_async_work(env, job->work);
}

}  // namespace

Napi::Value take_sample(const Napi::CallbackInfo& info) {
  napi_env env = info.Env();
  std::unique_ptr<SampleJob> job(new SampleJob());
  Napi::Float64Array asked = info[0].As<Napi::Float64Array>();
  const double* in = asked.Data();
  job->processes.reserve(asked.ElementLength() / kInputColumns);
  for (size_t i = 0; i + kInputColumns <= asked.ElementLength(); i += kInputColumns) {
    job->processes.push_back({static_cast<decltype(SampledProcess::pid)>(in[i]),
                              static_cast<uint64_t>(in[i + 1]), static_cast<uint64_t>(in[i + 2])});
  }
  job->trees = info[1].As<Napi::Boolean>();
  napi_value promise, name;
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_create_string_utf8(env, "procguard:sample", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(
          env, nullptr, name,
          [](napi_env, void* data) {
            SampleJob* self = static_cast<SampleJob*>(data);
            self->suspended_ns = suspended_ns();
            self->error = sample(self->processes, self->trees, &self->samples);
          },
          finish_sample, job.get(), &job->work) != napi_ok)
    return info.Env().Undefined();
  if (napi_queue_async_work(env, job->work) == napi_ok) job.release();
  return Napi::Value(env, promise);
}

Napi::Value get_start_ticks_of_child(const Napi::CallbackInfo& info) {
  uint64_t ticks = start_ticks_of_child(info[0].As<Napi::Number>().Int32Value());
  return Napi::Number::New(info.Env(), static_cast<double>(ticks));
}

}  // namespace procguard
