// The forward pass of a decoder-only transformer, as every family here has it.
#include "models/model.h"

namespace hearth {

Decoder::Decoder(const Gguf& file, Config config, std::span<const WeightSpec> layer, Device& device,
                 const ModelOptions& options)
    : Model(std::move(config)),
      weights_(load_weights(file, decoder_table(file, this->config(), layer), device, options)) {
  for (std::size_t i = 0; i < this->config().layers; ++i) {
    layers_.push_back(bind_layer(weights_, this->config(), i));
  }
}

void Decoder::forward(Forward& f) const {
  embed(f, weights_.at("token_embd.weight"), embedding_scale_);
  for (const DecoderLayer& layer : layers_) {
    attention(f, layer.attention);
    gated_mlp(f, layer.mlp);
  }
  head(f, {&weights_.at("output_norm.weight"), config().epsilon}, {&weights_.at("output.weight")});
}

}  // namespace hearth
