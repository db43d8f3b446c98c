// gemma3: Gemma 3 text models (Gemma Team 2025): five layers that see a window for each that sees
// all, each kind with its own rope base; norms of queries and keys, norms after attention and MLP,
// GeGLU, scaled embeddings.
#include <cmath>

#include "base/error.h"
#include "models/families.h"

namespace hearth {
namespace {

constexpr std::size_t kPattern = 6;         // every sixth layer is global
constexpr double kLocalRopeBase = 10000.0;  // of the window layers, when the file does not say
constexpr std::size_t kWindowGroup = 0;
constexpr std::size_t kGlobalGroup = 1;
constexpr std::size_t kLayers27B =
    62;  // the one size whose scores are scaled by d / heads, not head_dim

bool is_global(std::size_t layer) noexcept { return layer % kPattern == kPattern - 1; }

std::vector<WeightSpec> layer_table(const Config& c) {
  const std::size_t queries = c.heads * c.head_dim;
  const std::size_t keys = c.kv_heads * c.head_dim;
  return {
      {"attn_norm.weight", 1, c.model, WeightRole::kNorm},
      {"attn_q.weight", queries, c.model, WeightRole::kQuery},
      {"attn_k.weight", keys, c.model, WeightRole::kKey},
      {"attn_v.weight", keys, c.model, WeightRole::kValue},
      {"attn_q_norm.weight", 1, c.head_dim, WeightRole::kNorm},
      {"attn_k_norm.weight", 1, c.head_dim, WeightRole::kNorm},
      {"attn_output.weight", c.model, queries, WeightRole::kAttentionOutput},
      {"post_attention_norm.weight", 1, c.model, WeightRole::kNorm},
      {"ffn_norm.weight", 1, c.model, WeightRole::kNorm},
      {"ffn_gate.weight", c.hidden, c.model, WeightRole::kGate},
      {"ffn_up.weight", c.hidden, c.model, WeightRole::kUp},
      {"ffn_down.weight", c.model, c.hidden, WeightRole::kDown},
      {"post_ffw_norm.weight", 1, c.model, WeightRole::kNorm},
  };
}

class Gemma3 final : public Decoder {
 public:
  Gemma3(const Gguf& file, Device& device, const ModelOptions& options)
      : Decoder(file, read_config(file), layer_table(read_config(file)), device, options) {
    const Config& c = config();
    embedding_scale_ = std::sqrt(static_cast<float>(c.model));
    const double local_base =
        file.metadata().optional_number("gemma3.rope.freq_base_swa").value_or(kLocalRopeBase);
    local_rope_ = make_rope(c, local_base, 1.0, {}, true);
    global_rope_ = make_rope(c, c.rope_base, c.rope_scale, {}, true);
    const std::size_t globals = c.layers / kPattern;
    cache_shapes_ = {{c.layers - globals, c.kv_heads, c.head_dim, c.window, options.cache_type},
                     {globals, c.kv_heads, c.head_dim, 0, options.cache_type}};
    const std::size_t per_head = c.layers == kLayers27B ? c.model / c.heads : c.head_dim;
    for (std::size_t i = 0; i < c.layers; ++i) {
      AttentionLayer& a = layers_[i].attention;
      a.rope = is_global(i) ? &global_rope_ : &local_rope_;
      a.group_index = is_global(i) ? kGlobalGroup : kWindowGroup;
      a.layer = is_global(i) ? i / kPattern : i - i / kPattern;
      a.scale = 1.0f / std::sqrt(static_cast<float>(per_head));
      layers_[i].mlp.activation = GateActivation::kGelu;
    }
  }

 private:
  Rope local_rope_, global_rope_;
};

}  // namespace

std::unique_ptr<Model> make_gemma3(const Gguf& file, Device& device, const ModelOptions& options) {
  return std::make_unique<Gemma3>(file, device, options);
}

}  // namespace hearth
