#include "device/device.h"

#include "base/check.h"
#include "base/error.h"
#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#include "kernels/isa.h"
#include "platform/cpu.h"

namespace hearth {

void Device::begin(const StepInput& step) {
  step_ = step;
  step_rows_ = step.tokens.size();
  positions_.clear();
  for (const SequenceRows& sequence : step.sequences) {
    CHECK(sequence.first_row == positions_.size());
    for (std::size_t row = 0; row < sequence.rows; ++row) {
      positions_.push_back(sequence.first_position + row);
    }
  }
  CHECK(positions_.size() == step_rows_);
  on_begin();
}

void Device::project_qkv(const QkvArguments& a) {
  norm(*a.x, a.norm, *a.normed);
  project(*a.normed, a.query, *a.q);
  project(*a.normed, a.key, *a.k);
  project(*a.normed, a.value, *a.v);
  if (a.query_norm.weight != nullptr) head_norm(*a.q, a.query_norm);
  if (a.key_norm.weight != nullptr) head_norm(*a.k, a.key_norm);
  rope(*a.q, *a.rope, a.cache->shape().head_dim);
  rope(*a.k, *a.rope, a.cache->shape().head_dim);
  store(*a.k, *a.v, *a.cache, a.group_index, a.layer);
}

void Device::project_add(const Buffer& x, const Linear& linear, Buffer& scratch, Buffer& residual) {
  project(x, linear, scratch);
  add(residual, scratch, residual);
}

void Device::gated(const GatedArguments& a) {
  norm(*a.x, a.norm, *a.normed);
  project(*a.normed, a.gate, *a.out);
  project(*a.normed, a.up, *a.up_out);
  activate(*a.out, *a.up_out, a.activation, *a.out);
}

void Device::norm_add(Buffer& x, const RmsNorm& n, Buffer& residual) {
  norm(x, n, x);
  add(residual, x, residual);
}

namespace {

[[noreturn]] void refuse_fast(std::string_view isa) {
  throw Error(
      ErrorCode::kUnsupported,
      "F16 weights are multiplied fast with avx512_bf16 only, and this would compute with " +
          std::string(isa) + "; leave the wish for speed (--fast) away");
}

}  // namespace

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  if (options.isa == "reference") {
    if (options.fast) refuse_fast(options.isa);
    return make_reference_device();
  }
  Isa isa = best_isa();
  if (!options.isa.empty()) {
    const auto named = isa_from_name(options.isa);
    if (!named) {
      throw Error(ErrorCode::kInvalidArgument,
                  "unknown instruction set '" + options.isa +
                      "'; known: reference, portable, avx2, avx2_vnni, avx512_vnni, avx512_bf16");
    }
    if (!isa_supported(*named)) {
      throw Error(ErrorCode::kUnsupported,
                  "this CPU has no " + options.isa + "; `hearth doctor` lists what it has");
    }
    isa = *named;
  }
  if (options.in_place) isa = Isa::kPortable;
  if (options.fast && isa < Isa::kAvx512Bf16) refuse_fast(isa_name(isa));
  return make_cpu_device(isa, options);
}

}  // namespace hearth
