// For tests: every field of a table at its limits and beyond them, and with every wrong type,
// against check_fields(). Defined in boundary_table_test.cc, so that only the tests have it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "api/fields.h"

namespace hearth {

// `good` is JSON that passes the table and holds every field that has members. What does not hold
// fails the running test. Returns how many bodies were checked.
std::size_t check_boundaries(std::span<const Field> table, std::string_view good);

}  // namespace hearth
