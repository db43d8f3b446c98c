// llama: Llama 1 to 3.3, SmolLM2, TinyLlama and all that kept their form (Touvron et al. 2023).
// Llama 3.1's rope scaling comes as a tensor of factors, rope_freqs.weight.
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
      {"attn_output.weight", c.model, queries, WeightRole::kAttentionOutput},
      {"attn_q.bias", 1, queries, WeightRole::kBias, true},
      {"attn_k.bias", 1, keys, WeightRole::kBias, true},
      {"attn_v.bias", 1, keys, WeightRole::kBias, true},
      {"attn_output.bias", 1, c.model, WeightRole::kBias, true},
      {"ffn_norm.weight", 1, c.model, WeightRole::kNorm},
      {"ffn_gate.weight", c.hidden, c.model, WeightRole::kGate},
      {"ffn_up.weight", c.hidden, c.model, WeightRole::kUp},
      {"ffn_down.weight", c.model, c.hidden, WeightRole::kDown},
  };
}

class Llama final : public Decoder {
 public:
  Llama(const Gguf& file, Device& device, const ModelOptions& options)
      : Decoder(file, read_config(file), layer_table(read_config(file)), device, options) {
    const Config& c = config();
    rope_ = make_rope(c, c.rope_base, c.rope_scale, read_vector(file, "rope_freqs.weight"), false);
    cache_shapes_ = {{c.layers, c.kv_heads, c.head_dim, 0, options.cache_types}};
    for (DecoderLayer& layer : layers_) layer.attention.rope = &rope_;
  }

 private:
  Rope rope_;
};

}  // namespace

std::unique_ptr<Model> make_llama(const Gguf& file, Device& device, const ModelOptions& options) {
  return std::make_unique<Llama>(file, device, options);
}

}  // namespace hearth
