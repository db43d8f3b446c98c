#include "nn/layers.h"

namespace hearth {
namespace {

// residual += [post_norm] linear(x)
void join_residual(Forward& f, const Buffer& x, const Linear& linear, const RmsNorm& post_norm) {
  Workspace& b = f.buffers;
  if (post_norm.weight == nullptr) {
    f.device.project_add(x, linear, *b.projected, *b.residual);
    return;
  }
  f.device.project(x, linear, *b.projected);
  f.device.norm_add(*b.projected, post_norm, *b.residual);
}

}  // namespace

void embed(Forward& f, const Weight& table, float scale) {
  f.device.embed(table, scale, *f.buffers.residual);
}

void attention(Forward& f, const AttentionLayer& layer) {
  Workspace& b = f.buffers;
  CacheGroup* cache = f.caches[layer.group_index].get();
  f.device.project_qkv({.x = b.residual.get(),
                        .norm = layer.norm,
                        .query = layer.query,
                        .key = layer.key,
                        .value = layer.value,
                        .query_norm = layer.query_norm,
                        .key_norm = layer.key_norm,
                        .rope = layer.rope,
                        .cache = cache,
                        .group_index = layer.group_index,
                        .layer = layer.layer,
                        .normed = b.normed.get(),
                        .q = b.q.get(),
                        .k = b.k.get(),
                        .v = b.v.get()});
  f.device.attend({.q = b.q.get(),
                   .cache = cache,
                   .group_index = layer.group_index,
                   .layer = layer.layer,
                   .scale = layer.scale,
                   .out = b.attended.get()});
  join_residual(f, *b.attended, layer.output, layer.post_norm);
}

void gated_mlp(Forward& f, const MlpLayer& layer) {
  Workspace& b = f.buffers;
  f.device.gated({.x = b.residual.get(),
                  .norm = layer.norm,
                  .gate = layer.gate,
                  .up = layer.up,
                  .activation = layer.activation,
                  .normed = b.normed.get(),
                  .up_out = b.up.get(),
                  .out = b.gate.get()});
  join_residual(f, *b.gate, layer.down, layer.post_norm);
}

void head(Forward& f, const RmsNorm& norm, const Linear& output) {
  Workspace& b = f.buffers;
  if (!f.hidden_rows.empty()) {
    f.device.gather(*b.residual, f.hidden_rows, *b.projected);
    f.device.norm(*b.projected, norm, *b.normed);
  }
  if (f.logit_rows.empty()) return;
  f.device.gather(*b.residual, f.logit_rows, *b.wanted);
  f.device.norm(*b.wanted, norm, *b.wanted);
  f.device.project(*b.wanted, output, *b.logits);
}

}  // namespace hearth
