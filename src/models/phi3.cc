// phi3: Phi-3 and 3.5 (Abdin et al. 2024): queries, keys and values in one tensor, gate and up in
// another, a sliding window, and longrope: one set of rope factors up to the original context,
// another beyond.
#include "models/families.h"

namespace hearth {
namespace {

std::vector<WeightSpec> layer_table(const Config& c) {
  const std::size_t queries = c.heads * c.head_dim;
  const std::size_t keys = c.kv_heads * c.head_dim;
  const std::size_t fused = queries + 2 * keys;
  const std::string qkv = "attn_qkv.weight";
  const std::string gate_up = "ffn_up.weight";
  return {
      {"attn_norm.weight", 1, c.model, WeightRole::kNorm},
      {"attn_q.weight", queries, c.model, WeightRole::kQuery, false, qkv, 0, fused},
      {"attn_k.weight", keys, c.model, WeightRole::kKey, false, qkv, queries, fused},
      {"attn_v.weight", keys, c.model, WeightRole::kValue, false, qkv, queries + keys, fused},
      {"attn_output.weight", c.model, queries, WeightRole::kAttentionOutput},
      {"ffn_norm.weight", 1, c.model, WeightRole::kNorm},
      {"ffn_gate.weight", c.hidden, c.model, WeightRole::kGate, false, gate_up, 0, 2 * c.hidden},
      {"ffn_up.weight", c.hidden, c.model, WeightRole::kUp, false, gate_up, c.hidden, 2 * c.hidden},
      {"ffn_down.weight", c.model, c.hidden, WeightRole::kDown},
  };
}

// The factors are chosen once, by the context this engine was started with, so that every position
// of a cache was rotated alike.
Rope longrope(const Gguf& file, const Config& c, std::size_t context) {
  const GgufMetadata& metadata = file.metadata();
  const std::size_t original =
      metadata.optional_unsigned("phi3.rope.scaling.original_context_length")
          .value_or(c.trained_context);
  const bool beyond = (context != 0 ? context : c.trained_context) > original;
  const auto factors =
      read_vector(file, beyond ? "rope_factors_long.weight" : "rope_factors_short.weight");
  Rope rope = make_rope(c, c.rope_base, c.rope_scale, factors, true);
  rope.magnitude = positive_or(metadata, "phi3.rope.scaling.attn_factor", 100.0, 1.0);
  return rope;
}

class Phi3 final : public Decoder {
 public:
  Phi3(const Gguf& file, Device& device, const ModelOptions& options)
      : Decoder(file, read_config(file), layer_table(read_config(file)), device, options),
        rope_(longrope(file, config(), options.context)) {
    const Config& c = config();
    cache_shapes_ = {{c.layers, c.kv_heads, c.head_dim, c.window, options.cache_types}};
    for (DecoderLayer& layer : layers_) layer.attention.rope = &rope_;
  }

 private:
  Rope rope_;
};

}  // namespace

std::unique_ptr<Model> make_phi3(const Gguf& file, Device& device, const ModelOptions& options) {
  return std::make_unique<Phi3>(file, device, options);
}

}  // namespace hearth
