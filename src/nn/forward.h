// What one forward pass works with: a Device, the buffers between the pieces, the caches. Owned by
// the Runner; the pieces of nn/ and the families of models/ only borrow it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "device/device.h"

namespace hearth {

// Shapes of the buffers a model needs, in columns.
struct WorkspaceShape {
  std::size_t model = 0;    // d: the residual stream
  std::size_t queries = 0;  // heads * head_dim
  std::size_t keys = 0;     // kv_heads * head_dim
  std::size_t hidden = 0;   // d_ff
  std::size_t vocabulary = 0;
};

// The buffers of a step of up to `rows` rows, of which up to `logit_rows` want logits.
struct Workspace {
  Workspace(Device& device, const WorkspaceShape& shape, std::size_t rows, std::size_t logit_rows);

  std::unique_ptr<Buffer> residual;   // [rows, d]
  std::unique_ptr<Buffer> normed;     // [rows, d]
  std::unique_ptr<Buffer> projected;  // [rows, d]
  std::unique_ptr<Buffer> q;          // [rows, heads * head_dim]
  std::unique_ptr<Buffer> k;          // [rows, kv_heads * head_dim]
  std::unique_ptr<Buffer> v;          // [rows, kv_heads * head_dim]
  std::unique_ptr<Buffer> attended;   // [rows, heads * head_dim]
  std::unique_ptr<Buffer> gate;       // [rows, d_ff]
  std::unique_ptr<Buffer> up;         // [rows, d_ff]
  std::unique_ptr<Buffer> wanted;     // [logit_rows, d]: the rows that want logits
  std::unique_ptr<Buffer> logits;     // [logit_rows, vocabulary]
};

struct Forward {
  Device& device;
  Workspace& buffers;
  std::span<const std::unique_ptr<CacheGroup>> caches;  // by group
  std::span<const std::size_t> logit_rows;  // rows of the step that want logits, ascending
  // Rows that want their hidden state after the last norm, ascending: left in buffers.normed.
  std::span<const std::size_t> hidden_rows = {};
};

}  // namespace hearth
