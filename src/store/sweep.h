// What the store holds and no model names: blobs of a removed model, what a killed or given up pull
// left. Files only, no state. The caller of sweep() holds the store's lock, and no other lock of
// the store: whoever holds one is at work, and may be about to name any blob.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "store/layout.h"
#include "store/manifest.h"

namespace hearth {

// What an interrupted pull left (blobs without a name, parts of one, wheels) is kept this long
// since it was last written to, for a pull that goes on: a week, so that Monday continues Monday.
inline constexpr std::chrono::hours kUnfinishedKept{7 * 24};

// Whether any lock but the store's own is held. The caller holds the store's: who begins later
// passes it before naming, or making, anything.
bool anyone_at_work(const StoreLayout& layout);

// Removes what is unnamed and older than kUnfinishedKept, and the unnamed of `let_go` at once.
// Returns the bytes freed. Removes nothing when a manifest cannot be read (a newer hearth's may
// name anything), or while another process is at work: then `let_go` is marked, and a later sweep,
// such as the one at that process's end, removes it.
std::uint64_t sweep(const StoreLayout& layout, std::span<const Layer> let_go);

}  // namespace hearth
