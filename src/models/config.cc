// Hyper-parameters every family shares: read, and refused when they are out of limits or contradict
// each other.
#include <cmath>

#include "base/error.h"
#include "models/model.h"

namespace hearth {
namespace {

// Limits well above every model there is, and low enough that products of a few of them fit in 64
// bits.
constexpr std::uint64_t kLayersMax = 1024;
constexpr std::uint64_t kWidthMax = 1u << 18;  // d, d_ff
constexpr std::uint64_t kHeadsMax = 1024;
constexpr std::uint64_t kContextMax = 1u << 27;

[[noreturn]] void refuse(const std::string& key, const std::string& got,
                         const std::string& wanted) {
  throw Error(ErrorCode::kCorruptData,
              "'" + key + "' is " + got + ", must be " + wanted +
                  "; the file is damaged or of a kind this version does not know");
}

std::size_t bounded(const std::string& key, std::uint64_t value, std::uint64_t max) {
  if (value < 1 || value > max) refuse(key, std::to_string(value), "1 to " + std::to_string(max));
  return value;
}

}  // namespace

double positive_or(const GgufMetadata& metadata, const std::string& key, double max,
                   double otherwise) {
  const auto value = metadata.optional_number(key);
  if (!value) return otherwise;
  if (!(*value > 0 && *value <= max))
    refuse(key, std::to_string(*value), "above 0, at most " + std::to_string(max));
  return *value;
}

namespace {

class Reader {
 public:
  Reader(const GgufMetadata& metadata, std::string prefix)
      : metadata_(metadata), prefix_(std::move(prefix)) {}

  std::size_t size(const std::string& key, std::uint64_t max) const {
    return bounded(prefix_ + key, metadata_.unsigned_integer(prefix_ + key), max);
  }
  std::size_t size_or(const std::string& key, std::uint64_t max, std::size_t otherwise) const {
    const auto value = metadata_.optional_unsigned(prefix_ + key);
    return value ? bounded(prefix_ + key, *value, max) : otherwise;
  }
  // 0, as a missing key, means that there is none.
  std::size_t size_or_none(const std::string& key, std::uint64_t max) const {
    return metadata_.optional_unsigned(prefix_ + key) == 0 ? 0 : size_or(key, max, 0);
  }
  double positive_or(const std::string& key, double max, double otherwise) const {
    return hearth::positive_or(metadata_, prefix_ + key, max, otherwise);
  }
  std::string name(const std::string& key) const { return prefix_ + key; }
  const GgufMetadata& metadata() const { return metadata_; }

 private:
  const GgufMetadata& metadata_;
  std::string prefix_;
};

void read_rope(const Reader& reader, Config& config) {
  config.rope_dims = reader.size_or("rope.dimension_count", kHeadDimMax, config.head_dim);
  if (config.rope_dims % 2 != 0 || config.rope_dims > config.head_dim) {
    refuse(reader.name("rope.dimension_count"), std::to_string(config.rope_dims),
           "even and at most the head's " + std::to_string(config.head_dim));
  }
  config.rope_base = reader.positive_or("rope.freq_base", kRopeBaseMax, 10000.0);
  const auto scaling = reader.metadata().optional_string(reader.name("rope.scaling.type"));
  if (scaling == "linear") {
    config.rope_scale = 1.0 / reader.positive_or("rope.scaling.factor", 1e6, 1.0);
  } else if (scaling && *scaling != "none" && *scaling != "longrope") {
    throw Error(ErrorCode::kUnsupported, "rope scaling '" + std::string(*scaling) +
                                             "' is not supported; known: none, linear, longrope");
  }
}

void check_heads(const Reader& reader, const Config& config) {
  if (config.heads % config.kv_heads != 0) {
    refuse(reader.name("attention.head_count_kv"), std::to_string(config.kv_heads),
           "a divisor of attention.head_count, " + std::to_string(config.heads));
  }
  if (config.head_dim % 2 != 0)
    refuse(reader.name("attention.key_length"), std::to_string(config.head_dim), "even");
}

}  // namespace

Config read_config(const Gguf& file) {
  Config config;
  config.architecture = file.metadata().string("general.architecture");
  const Reader reader(file.metadata(), config.architecture + ".");
  config.layers = reader.size("block_count", kLayersMax);
  config.model = reader.size("embedding_length", kWidthMax);
  config.hidden = reader.size("feed_forward_length", kWidthMax);
  config.heads = reader.size("attention.head_count", kHeadsMax);
  config.kv_heads = reader.size_or("attention.head_count_kv", kHeadsMax, config.heads);
  config.trained_context = reader.size("context_length", kContextMax);
  config.head_dim =
      reader.size_or("attention.key_length", kHeadDimMax, config.model / config.heads);
  // It is bounded where the file says it; the width may have any number of heads.
  if (config.head_dim < 1 || config.head_dim > kHeadDimMax)
    refuse(reader.name("embedding_length") + "' / 'attention.head_count",
           std::to_string(config.head_dim), "1 to " + std::to_string(kHeadDimMax));
  const std::size_t value_dim =
      reader.size_or("attention.value_length", kHeadDimMax, config.head_dim);
  if (value_dim != config.head_dim)
    refuse(reader.name("attention.value_length"), std::to_string(value_dim),
           "the key's length, " + std::to_string(config.head_dim));
  check_heads(reader, config);
  config.epsilon =
      static_cast<float>(reader.positive_or("attention.layer_norm_rms_epsilon", 1.0, 1e-5));
  config.window = reader.size_or_none("attention.sliding_window", kContextMax);
  read_rope(reader, config);
  const GgufTensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    throw Error(ErrorCode::kCorruptData,
                "the file has no tensor 'token_embd.weight' of two dimensions: it holds "
                "no language model, or only its vocabulary");
  }
  config.vocabulary = embedding->shape[1];
  return config;
}

Rope make_rope(const Config& config, double base, double scale, std::span<const float> factors,
               bool neox) {
  const std::size_t pairs = config.rope_dims / 2;
  if (!factors.empty() && factors.size() != pairs) {
    throw Error(ErrorCode::kCorruptData, "the rope factors have " + std::to_string(factors.size()) +
                                             " entries, wanted " + std::to_string(pairs));
  }
  Rope rope;
  rope.neox = neox;
  for (std::size_t i = 0; i < pairs; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(config.rope_dims);
    const double factor = factors.empty() ? 1.0 : factors[i];
    rope.inverse_frequency.push_back(scale * std::pow(base, exponent) / factor);
  }
  return rope;
}

WorkspaceShape Model::workspace_shape() const noexcept {
  return {.model = config_.model,
          .queries = config_.heads * config_.head_dim,
          .keys = config_.kv_heads * config_.head_dim,
          .hidden = config_.hidden,
          .vocabulary = config_.vocabulary};
}

}  // namespace hearth
