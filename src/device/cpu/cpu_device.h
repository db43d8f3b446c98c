// The CPU Device: packed weights, paged caches, a pool of threads. Operations are queued as regions
// of parallel jobs; finish() sends the workers through all of them with one barrier between two
// regions.
#pragma once

#include <cstddef>
#include <memory>

#include "device/device.h"
#include "kernels/isa.h"

namespace hearth {

std::unique_ptr<Device> make_cpu_device(Isa isa, std::size_t threads);

}  // namespace hearth
