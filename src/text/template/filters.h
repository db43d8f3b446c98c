// The two halves of the filter table: filters.cc (text and numbers) and filters_sequence.cc.
#pragma once

#include <string_view>

#include "text/template/native.h"

namespace hearth::jinja {

const Native* find_sequence_filter(std::string_view name) noexcept;

}  // namespace hearth::jinja
