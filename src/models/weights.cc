// From a family's weight table and a file to weights on a device.
#include <atomic>
#include <cmath>
#include <mutex>

#include "base/check.h"
#include "base/error.h"
#include "models/model.h"
#include "tensor/decode.h"

namespace hearth {
namespace {

WeightUse use_of(WeightRole role) noexcept {
  switch (role) {
    case WeightRole::kEmbedding: return WeightUse::kEmbedding;
    case WeightRole::kNorm:
    case WeightRole::kBias: return WeightUse::kVector;
    default: return WeightUse::kMatrix;
  }
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string text = "[";
  for (const std::uint64_t n : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(n);
  return text + "]";
}

void check_shape(const GgufTensor& tensor, const WeightSpec& spec) {
  const std::size_t tensor_rows = spec.tensor_rows != 0 ? spec.tensor_rows : spec.rows;
  const bool vector = use_of(spec.role) == WeightUse::kVector;
  const bool fits = tensor.shape[0] == spec.cols && tensor.elements() == spec.cols * tensor_rows &&
                    tensor.shape.size() <= (vector ? 1u : 2u);
  if (fits) return;
  const std::string wanted =
      vector ? "[" + std::to_string(spec.cols) + "]"
             : "[" + std::to_string(spec.cols) + ", " + std::to_string(tensor_rows) + "]";
  throw Error(ErrorCode::kCorruptData, "tensor '" + std::string(tensor.name) + "' has the shape " +
                                           shape_text(tensor.shape) + ", wanted " + wanted);
}

}  // namespace

const Weight* WeightSet::find(std::string_view name) const noexcept {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : found->second.get();
}

const Weight& WeightSet::at(std::string_view name) const {
  const Weight* weight = find(name);
  CHECK(weight != nullptr);
  return *weight;
}

WeightSet load_weights(const Gguf& file, std::span<const WeightSpec> table, Device& device,
                       const ModelOptions& options) {
  std::vector<WeightSource> sources;
  std::vector<std::string> names;
  for (const WeightSpec& spec : table) {
    const std::string& name = spec.tensor.empty() ? spec.name : spec.tensor;
    const GgufTensor* tensor = file.find(name);
    if (tensor == nullptr) {
      if (spec.optional) continue;
      throw Error(ErrorCode::kCorruptData, "the file lacks the tensor '" + name + "'");
    }
    check_shape(*tensor, spec);
    const std::size_t stride = row_bytes(tensor->type, spec.cols);
    sources.push_back({.type = tensor->type,
                       .rows = spec.rows,
                       .cols = spec.cols,
                       .bytes = tensor->bytes.data() + spec.first_row * stride,
                       .use = use_of(spec.role)});
    names.push_back(spec.name);
  }
  std::mutex turn;
  std::atomic<std::uint64_t> done_bytes{0};
  const auto on_read = [&](std::span<const std::byte> part) {
    file.release(part);
    done_bytes += part.size();
    if (!options.on_progress) return;
    const std::unique_lock lock(turn, std::try_to_lock);  // a slow listener holds nobody else up
    if (lock) options.on_progress(done_bytes);
  };
  auto weights = device.load(sources, {.on_read = on_read, .image = options.image});
  WeightSet set;
  for (std::size_t i = 0; i < names.size(); ++i) set.weights_[names[i]] = std::move(weights[i]);
  return set;
}

std::vector<WeightSpec> decoder_table(const Gguf& file, const Config& config,
                                      std::span<const WeightSpec> layer) {
  const bool tied = file.find("output.weight") == nullptr;
  std::vector<WeightSpec> table = {
      {"token_embd.weight", config.vocabulary, config.model, WeightRole::kEmbedding},
      {.name = "output.weight",
       .rows = config.vocabulary,
       .cols = config.model,
       .role = WeightRole::kHead,
       .tensor = tied ? "token_embd.weight" : ""},
      {"output_norm.weight", 1, config.model, WeightRole::kNorm}};
  for (std::size_t i = 0; i < config.layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    for (WeightSpec spec : layer) {
      spec.name = prefix + spec.name;
      if (!spec.tensor.empty()) spec.tensor = prefix + spec.tensor;
      table.push_back(std::move(spec));
    }
  }
  return table;
}

DecoderLayer bind_layer(const WeightSet& weights, const Config& config, std::size_t index) {
  const std::string prefix = "blk." + std::to_string(index) + ".";
  const auto linear = [&](const std::string& name) {
    return Linear{&weights.at(prefix + name + ".weight"), weights.find(prefix + name + ".bias")};
  };
  const auto norm = [&](const std::string& name) {
    return RmsNorm{weights.find(prefix + name + ".weight"), config.epsilon};
  };
  return {.attention = {.norm = norm("attn_norm"),
                        .query = linear("attn_q"),
                        .key = linear("attn_k"),
                        .value = linear("attn_v"),
                        .output = linear("attn_output"),
                        .query_norm = norm("attn_q_norm"),
                        .key_norm = norm("attn_k_norm"),
                        .post_norm = norm("post_attention_norm"),
                        .scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim)),
                        .layer = index},
          .mlp = {.norm = norm("ffn_norm"),
                  .gate = linear("ffn_gate"),
                  .up = linear("ffn_up"),
                  .down = linear("ffn_down"),
                  .post_norm = norm("post_ffw_norm")}};
}

std::vector<float> read_vector(const Gguf& file, std::string_view name) {
  const GgufTensor* tensor = file.find(name);
  if (tensor == nullptr) return {};
  // The largest vector of this kind is half a head: a file that says more is not asking for rope
  // factors.
  constexpr std::uint64_t kElementsMax = 1024;
  if (tensor->elements() > kElementsMax || tensor->type != DType::kF32) {
    throw Error(ErrorCode::kCorruptData,
                "tensor '" + std::string(name) + "' must be a short F32 vector");
  }
  std::vector<float> values(tensor->elements());
  decode(tensor->type, tensor->bytes.data(), values.size(), values.data());
  return values;
}

}  // namespace hearth
