// The pieces of a transformer, as the papers name them; no model names. Each takes the residual
// stream from Forward's buffers and leaves its result there.
#pragma once

#include <cstddef>

#include "nn/forward.h"

namespace hearth {

// residual = scale * table[token]
void embed(Forward& forward, const Weight& table, float scale);

// Grouped-query attention with rotary positions (Ainslie et al. 2023, Su et al. 2021).
struct AttentionLayer {
  RmsNorm norm = {};
  Linear query = {}, key = {}, value = {}, output = {};
  RmsNorm query_norm = {}, key_norm = {};  // per head, none in most families
  RmsNorm post_norm = {};  // of the output, before it joins the residual; none in most
  const Rope* rope = nullptr;
  float scale = 0;              // of the scores, 1 / sqrt(head_dim) in most
  std::size_t group_index = 0;  // which cache group
  std::size_t layer = 0;        // which layer of the group
};
// residual += [post_norm] output(attend(norm(residual)))
void attention(Forward& forward, const AttentionLayer& layer);

// Gated MLP (Shazeer 2020: SwiGLU, GeGLU).
struct MlpLayer {
  RmsNorm norm = {};
  Linear gate = {}, up = {}, down = {};
  GateActivation activation = GateActivation::kSilu;
  RmsNorm post_norm = {};
};
// residual += [post_norm] down(activation(gate(n)) * up(n)), n = norm(residual)
void gated_mlp(Forward& forward, const MlpLayer& layer);

// normed[i] = norm(residual[hidden_rows[i]]), logits[i] = output(norm(residual[logit_rows[i]]));
// nothing at all when no row wants them.
void head(Forward& forward, const RmsNorm& norm, const Linear& output);

}  // namespace hearth
