#include "nn/forward.h"

namespace hearth {

Workspace::Workspace(Device& device, const WorkspaceShape& shape, std::size_t rows,
                     std::size_t logit_rows)
    : residual(device.make_buffer(rows, shape.model)),
      normed(device.make_buffer(rows, shape.model)),
      projected(device.make_buffer(rows, shape.model)),
      q(device.make_buffer(rows, shape.queries)),
      k(device.make_buffer(rows, shape.keys)),
      v(device.make_buffer(rows, shape.keys)),
      attended(device.make_buffer(rows, shape.queries)),
      gate(device.make_buffer(rows, shape.hidden)),
      up(device.make_buffer(rows, shape.hidden)),
      wanted(device.make_buffer(logit_rows, shape.model)),
      logits(device.make_buffer(logit_rows, shape.vocabulary)) {}

}  // namespace hearth
