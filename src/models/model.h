// Model: a family's weights and hyper-parameters on a Device, immutable and shared, and its forward
// pass. A family is one file: what it reads from the metadata, its weight table, its forward pass
// of one screen. registry.cc is the only list of families.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "format/gguf.h"
#include "nn/forward.h"
#include "nn/layers.h"

namespace hearth {

// Hyper-parameters that every family has, checked against named limits and against each other.
struct Config {
  std::string architecture;
  std::size_t layers = 0;
  std::size_t model = 0;  // d
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  std::size_t hidden = 0;  // d_ff
  std::size_t vocabulary = 0;
  std::size_t trained_context = 0;
  std::size_t rope_dims = 0;
  double rope_base = 10000.0;
  double rope_scale = 1.0;  // positions are multiplied by it (linear scaling: 1 / factor)
  float epsilon = 0;
  std::size_t window = 0;  // 0: none
};

// What a weight is for: the quantizer chooses its type by it, the trainer its adapters.
enum class WeightRole {
  kEmbedding,
  kHead,
  kNorm,
  kBias,
  kQuery,
  kKey,
  kValue,
  kAttentionOutput,
  kGate,
  kUp,
  kDown,
};

// One line of a family's weight table. Shapes are [rows, cols], rows 1 for vectors.
struct WeightSpec {
  std::string name;
  std::size_t rows;
  std::size_t cols;
  WeightRole role;
  bool optional = false;
  std::string tensor = {};      // name in the file, when it is another
  std::size_t first_row = 0;    // rows first_row … first_row + rows of a tensor
  std::size_t tensor_rows = 0;  // that has this many; 0: rows
};

struct ModelOptions {
  std::size_t context = 0;  // positions a sequence may reach; 0: as trained
  CacheTypes cache_types;
  // While weights load, one call at a time, on any thread; may be empty. What is read during a
  // call is told with the next, if one comes.
  std::function<void(std::uint64_t done_bytes)> on_progress;
  const WeightImage* image = nullptr;  // see Device::load; used while the model loads
};

// The loaded weights of a table, by name.
class WeightSet {
 public:
  const Weight* find(
      std::string_view name) const noexcept;      // nullptr: an optional one the file lacks
  const Weight& at(std::string_view name) const;  // CHECKs: the table has it, and not as optional

 private:
  friend WeightSet load_weights(const Gguf&, std::span<const WeightSpec>, Device&,
                                const ModelOptions&);
  std::map<std::string, std::unique_ptr<Weight>, std::less<>> weights_;
};

class Model {
 public:
  virtual ~Model() = default;
  const Config& config() const noexcept { return config_; }
  std::span<const CacheShape> cache_shapes() const noexcept { return cache_shapes_; }
  WorkspaceShape workspace_shape() const noexcept;

  // Enqueues a pass over the step that forward.device has begun; logits land in
  // forward.buffers.logits.
  virtual void forward(Forward& forward) const = 0;

 protected:
  explicit Model(Config config) : config_(std::move(config)) {}
  std::vector<CacheShape> cache_shapes_;

 private:
  Config config_;
};

// Reads `general.architecture`, loads the weights to the device. The Gguf must outlive the Model
// (embedding rows stay mapped). Errors: kUnsupported for an unknown architecture, kCorruptData for
// a missing or misshapen tensor or a hyper-parameter out of its limits.
std::unique_ptr<Model> load_model(const Gguf& file, Device& device, const ModelOptions& options);

inline constexpr double kRopeBaseMax = 1e12;  // the largest in use: 5e6 to 1e8

// For a family's file. read_config reads the shared hyper-parameters under "<architecture>.".
Config read_config(const Gguf& file);
WeightSet load_weights(const Gguf& file, std::span<const WeightSpec> table, Device& device,
                       const ModelOptions& options);
// The table of a decoder: embedding, output norm and head (a file without output.weight ties the
// head to the embedding), then `layer`'s lines once per layer, their names prefixed with
// "blk.<i>.".
std::vector<WeightSpec> decoder_table(const Gguf& file, const Config& config,
                                      std::span<const WeightSpec> layer);

// One decoder layer and its weights, bound by the names of the table: attn_norm, attn_q, attn_k,
// attn_v (each with .bias where the table has it), attn_output, attn_q_norm, attn_k_norm,
// post_attention_norm, ffn_norm, ffn_gate, ffn_up, ffn_down, post_ffw_norm. Rope is left to the
// family; scale is 1 / sqrt(head_dim), the cache group 0.
struct DecoderLayer {
  AttentionLayer attention;
  MlpLayer mlp;
};
DecoderLayer bind_layer(const WeightSet& weights, const Config& config, std::size_t index);

// What the families have in common: embedding, a stack of DecoderLayers, norm and head. A family's
// constructor gives the table, then fills layers_ and cache_shapes_.
class Decoder : public Model {
 public:
  void forward(Forward& forward) const override;

 protected:
  // Weights of `layer`'s lines, bound; embedding_scale multiplies the embedded rows.
  Decoder(const Gguf& file, Config config, std::span<const WeightSpec> layer, Device& device,
          const ModelOptions& options);

  float embedding_scale_ = 1.0f;
  std::vector<DecoderLayer> layers_;

 private:
  WeightSet weights_;
};

// inverse_frequency[i] = scale * base^(-2i / dims) / factors[i]; factors may be empty (ones).
Rope make_rope(const Config& config, double base, double scale, std::span<const float> factors,
               bool neox);
// The number of a key, above 0 and at most max (kCorruptData); `otherwise` when the file lacks it.
double positive_or(const GgufMetadata& metadata, const std::string& key, double max,
                   double otherwise);
// A small f32 tensor read to the host ([n] elements), such as rope factors; empty when the file
// lacks it.
std::vector<float> read_vector(const Gguf& file, std::string_view tensor);

}  // namespace hearth
