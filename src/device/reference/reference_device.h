// The reference Device: f32 from decoded weights, f32 cache, one thread, double accumulators, every
// operation as the formula says it. Slow, obvious; it judges every other Device.
#pragma once

#include <memory>

#include "device/device.h"

namespace hearth {

std::unique_ptr<Device> make_reference_device();

}  // namespace hearth
