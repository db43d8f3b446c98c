// qwen2: Qwen 2 and 2.5 (Yang et al. 2024): llama's form with biases on queries, keys and values,
// and half-split rotary pairs.
#include "base/error.h"
#include "models/families.h"

namespace hearth {
namespace {

std::vector<WeightSpec> layer_table(const Config& c) {
  const std::size_t queries = c.heads * c.head_dim;
  const std::size_t keys = c.kv_heads * c.head_dim;
  return {
      {"attn_norm.weight", 1, c.model, WeightRole::kNorm},
      {"attn_q.weight", queries, c.model, WeightRole::kQuery},
      {"attn_k.weight", keys, c.model, WeightRole::kKey},
      {"attn_v.weight", keys, c.model, WeightRole::kValue},
      {"attn_q.bias", 1, queries, WeightRole::kBias},
      {"attn_k.bias", 1, keys, WeightRole::kBias},
      {"attn_v.bias", 1, keys, WeightRole::kBias},
      {"attn_output.weight", c.model, queries, WeightRole::kAttentionOutput},
      {"ffn_norm.weight", 1, c.model, WeightRole::kNorm},
      {"ffn_gate.weight", c.hidden, c.model, WeightRole::kGate},
      {"ffn_up.weight", c.hidden, c.model, WeightRole::kUp},
      {"ffn_down.weight", c.model, c.hidden, WeightRole::kDown},
  };
}

// The biases give some dimensions of a key values many times the others', which 4 bits cannot hold
// beside them: answers turn to noise.
void refuse_short_keys(const CacheTypes& types) {
  if (types.key != CacheType::kQ4) return;
  throw Error(ErrorCode::kUnsupported,
              "q4_0 keys ruin the answers of Qwen 2 models, whose keys have large biases; use "
              "--kv-type q8_0, q8_0,q4_0 or f16");
}

class Qwen2 final : public Decoder {
 public:
  Qwen2(const Gguf& file, Device& device, const ModelOptions& options)
      : Decoder(file, read_config(file), layer_table(read_config(file)), device, options) {
    const Config& c = config();
    refuse_short_keys(options.cache_types);
    rope_ = make_rope(c, c.rope_base, c.rope_scale, {}, true);
    cache_shapes_ = {{c.layers, c.kv_heads, c.head_dim, 0, options.cache_types}};
    for (DecoderLayer& layer : layers_) layer.attention.rope = &rope_;
  }

 private:
  Rope rope_;
};

}  // namespace

std::unique_ptr<Model> make_qwen2(const Gguf& file, Device& device, const ModelOptions& options) {
  return std::make_unique<Qwen2>(file, device, options);
}

}  // namespace hearth
