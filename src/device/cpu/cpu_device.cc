#include "device/cpu/cpu_device.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "platform/cpu.h"
#include "tensor/decode.h"

namespace hearth {

CpuDevice::CpuDevice(Isa isa, const DeviceOptions& options)
    : isa_(isa),
      in_place_(options.in_place),
      fast_(options.fast),
      decode_threads_(options.decode_threads),
      pool_(options.threads != 0 ? options.threads : usable_cores()),
      queue_(pool_),
      memory_(pool_.size()),
      elementwise_(select_elementwise(isa)),
      name_("cpu " + std::string(isa_name(isa)) + ", " + std::to_string(pool_.size()) +
            (pool_.size() == 1 ? " thread" : " threads")) {}

std::unique_ptr<Buffer> CpuDevice::make_buffer(std::size_t rows, std::size_t cols) {
  return std::make_unique<CpuBuffer>(rows, cols);
}

std::unique_ptr<CacheGroup> CpuDevice::make_cache(const CacheShape& shape, std::size_t blocks) {
  return std::make_unique<CpuCache>(shape, select_attention(shape.types, isa_), blocks);
}

std::size_t CpuDevice::cache_block_bytes(const CacheShape& shape) const {
  return shape.layers * shape.kv_heads *
         select_attention(shape.types, isa_).block_bytes(shape.head_dim);
}

void CpuDevice::on_begin() {
  queue_.clear();
  const bool decode = step().sequences.size() == step_rows();
  const bool fewer = decode && decode_threads_ != 0;
  queue_.limit_workers(fewer ? std::min(decode_threads_, pool_.size()) : pool_.size());
  rope_tables_used_ = 0;
}

void CpuDevice::finish() {
  queue_.run();
  outgrown_.clear();
}

void CpuDevice::grow(PageBuffer& memory, std::size_t bytes) {
  if (memory.size() >= bytes) return;
  outgrown_.push_back(std::move(memory));
  memory = PageBuffer(bytes);
}

void CpuDevice::embed(const Weight& table, float scale, Buffer& out) {
  const CpuWeight* weight = &cpu(table);
  const CpuBuffer* to = &cpu(out);
  const std::int32_t* tokens = step().tokens.data();
  const ElementwiseKernel* e = &elementwise_;
  queue_.add({"embed"}, step_rows(), [=](std::size_t row, std::size_t) noexcept {
    const std::size_t stride = row_bytes(weight->type, weight->cols());
    decode(weight->type, weight->data + static_cast<std::size_t>(tokens[row]) * stride,
           weight->cols(), to->row(row));
    if (scale != 1.0f) e->scale(to->row(row), scale, weight->cols(), to->row(row));
  });
}

void CpuDevice::norm(const Buffer& x, const RmsNorm& norm, Buffer& out) {
  const CpuBuffer* from = &cpu(x);
  const CpuBuffer* to = &cpu(out);
  const float* weight = cpu(*norm.weight).vector();
  const ElementwiseKernel* e = &elementwise_;
  queue_.add({"norm"}, step_rows(),
             [=, epsilon = norm.epsilon](std::size_t row, std::size_t) noexcept {
               e->rms_norm(from->row(row), weight, from->cols(), epsilon, to->row(row));
             });
}

void CpuDevice::head_norm(Buffer& x, const RmsNorm& norm) {
  const CpuBuffer* buffer = &cpu(x);
  const CpuWeight* weight = &cpu(*norm.weight);
  const ElementwiseKernel* e = &elementwise_;
  queue_.add({"head norm"}, step_rows(),
             [=, epsilon = norm.epsilon](std::size_t row, std::size_t) noexcept {
               for (std::size_t h = 0; h < buffer->cols(); h += weight->cols()) {
                 float* head = buffer->row(row) + h;
                 e->rms_norm(head, weight->vector(), weight->cols(), epsilon, head);
               }
             });
}

// A table per Rope and step: the angles of a row are the same in every layer.
const float* CpuDevice::rope_table(const Rope& rope) {
  for (std::size_t i = 0; i < rope_tables_used_; ++i) {
    if (rope_tables_[i].rope == &rope)
      return reinterpret_cast<const float*>(rope_tables_[i].memory.data());
  }
  if (rope_tables_used_ == rope_tables_.size()) rope_tables_.emplace_back();
  RopeTable& table = rope_tables_[rope_tables_used_++];
  table.rope = &rope;
  const std::size_t pairs = rope.inverse_frequency.size();
  const std::size_t bytes = step_rows() * 2 * pairs * sizeof(float);
  grow(table.memory, bytes);
  auto* values = reinterpret_cast<float*>(table.memory.data());
  const std::size_t* at = positions().data();
  queue_.add({"rope angles"}, step_rows(),
             [=, rope = &rope](std::size_t row, std::size_t) noexcept {
               float* cosines = values + row * 2 * pairs;
               for (std::size_t i = 0; i < pairs; ++i) {
                 const double angle = static_cast<double>(at[row]) * rope->inverse_frequency[i];
                 cosines[i] = static_cast<float>(std::cos(angle) * rope->magnitude);
                 cosines[pairs + i] = static_cast<float>(std::sin(angle) * rope->magnitude);
               }
             });
  return values;
}

void CpuDevice::rope(Buffer& x, const Rope& rope, std::size_t head_dim) {
  const CpuBuffer* buffer = &cpu(x);
  const float* table = rope_table(rope);
  const ElementwiseKernel* e = &elementwise_;
  queue_.add({"rope"}, step_rows(),
             [=, pairs = rope.inverse_frequency.size(), neox = rope.neox](std::size_t row,
                                                                          std::size_t) noexcept {
               const float* cosines = table + row * 2 * pairs;
               for (std::size_t h = 0; h < buffer->cols(); h += head_dim) {
                 e->rope(buffer->row(row) + h, cosines, cosines + pairs, pairs, neox);
               }
             });
}

void CpuDevice::activate(const Buffer& gate, const Buffer& up, GateActivation activation,
                         Buffer& out) {
  const CpuBuffer* g = &cpu(gate);
  const CpuBuffer* u = &cpu(up);
  const CpuBuffer* to = &cpu(out);
  const auto kernel =
      activation == GateActivation::kSilu ? elementwise_.silu_multiply : elementwise_.gelu_multiply;
  queue_.add({"activate"}, step_rows(), [=](std::size_t row, std::size_t) noexcept {
    kernel(g->row(row), u->row(row), to->cols(), to->row(row));
  });
}

void CpuDevice::add(const Buffer& a, const Buffer& b, Buffer& out) {
  const CpuBuffer* left = &cpu(a);
  const CpuBuffer* right = &cpu(b);
  const CpuBuffer* to = &cpu(out);
  const ElementwiseKernel* e = &elementwise_;
  queue_.add({"add"}, step_rows(), [=](std::size_t row, std::size_t) noexcept {
    e->add(left->row(row), right->row(row), to->cols(), to->row(row));
  });
}

void CpuDevice::norm_add(Buffer& x, const RmsNorm& norm, Buffer& residual) {
  const CpuBuffer* from = &cpu(x);
  const CpuBuffer* to = &cpu(residual);
  const float* weight = cpu(*norm.weight).vector();
  const ElementwiseKernel* e = &elementwise_;
  queue_.add({"norm, add"}, step_rows(),
             [=, epsilon = norm.epsilon](std::size_t row, std::size_t) noexcept {
               e->rms_norm(from->row(row), weight, from->cols(), epsilon, from->row(row));
               e->add(to->row(row), from->row(row), to->cols(), to->row(row));
             });
}

void CpuDevice::gather(const Buffer& x, std::span<const std::size_t> rows, Buffer& out) {
  const CpuBuffer* from = &cpu(x);
  const CpuBuffer* to = &cpu(out);
  const std::size_t* wanted = rows.data();
  queue_.add({"gather"}, rows.size(), [=](std::size_t row, std::size_t) noexcept {
    std::memcpy(to->row(row), from->row(wanted[row]), from->cols() * sizeof(float));
  });
  shrink(rows.size());
}

std::span<const float> CpuDevice::read(const Buffer& buffer, std::size_t row) const {
  return {cpu(buffer).row(row), buffer.cols()};
}

std::unique_ptr<Device> make_cpu_device(Isa isa, const DeviceOptions& options) {
  return std::make_unique<CpuDevice>(isa, options);
}

}  // namespace hearth
