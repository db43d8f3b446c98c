// gemma3: Gemma 3 text models (Gemma Team 2025): five layers that see a window for each that sees
// all, each kind with its own rope base; norms of queries and keys, norms after attention and MLP,
// GeGLU, scaled embeddings. A file without a window has layers that see all, and only their rope.
#include <cmath>

#include "base/error.h"
#include "models/families.h"

namespace hearth {
namespace {

constexpr std::size_t kPattern = 6;  // every sixth layer is global, if the file says no other
constexpr double kLocalRopeBase = 10000.0;  // of the window layers, when the file does not say
constexpr std::size_t kWindowGroup = 0;
constexpr std::size_t kGlobalGroup = 1;
constexpr std::size_t kLayers27B =
    62;  // the one size whose scores are scaled by d / heads, not head_dim

// Which layers see all: every n-th; 0: none, 1: all.
std::size_t pattern_of(const Gguf& file, const Config& c) {
  if (c.window == 0) return 1;
  return file.metadata()
      .optional_unsigned("gemma3.attention.sliding_window_pattern")
      .value_or(kPattern);
}

void refuse_softcap(const GgufMetadata& metadata) {
  const std::string key = "gemma3.final_logit_softcapping";
  if (metadata.optional_number(key).value_or(0) == 0) return;
  throw Error(ErrorCode::kUnsupported, "'" + key + "' is set: such models are not supported yet");
}

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
    refuse_softcap(file.metadata());
    const double local_base =
        positive_or(file.metadata(), "gemma3.rope.freq_base_swa", kRopeBaseMax, kLocalRopeBase);
    local_rope_ = make_rope(c, local_base, 1.0, {}, true);
    global_rope_ = make_rope(c, c.rope_base, c.rope_scale, {}, true);
    cache_shapes_ = {{0, c.kv_heads, c.head_dim, c.window, options.cache_types},
                     {0, c.kv_heads, c.head_dim, 0, options.cache_types}};
    const std::size_t pattern = pattern_of(file, c);
    const std::size_t per_head = c.layers == kLayers27B ? c.model / c.heads : c.head_dim;
    for (std::size_t i = 0; i < c.layers; ++i) {
      const bool global = pattern != 0 && i % pattern == pattern - 1;
      AttentionLayer& a = layers_[i].attention;
      a.rope = global ? &global_rope_ : &local_rope_;
      a.group_index = global ? kGlobalGroup : kWindowGroup;
      a.layer = cache_shapes_[a.group_index].layers++;
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
