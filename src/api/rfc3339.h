// Times as JSON replies write them. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace hearth {

// "2026-11-23T22:51:28.123000000Z": RFC 3339, UTC, nine digits of fraction, as Go writes them. For
// the years 0 to 9999.
std::string rfc3339(std::int64_t unix_ms);

}  // namespace hearth
