// Untrusted bytes made fit for a terminal and a log line. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hearth {

// At most about `limit` bytes of `bytes`, then "…". Valid UTF-8 stays; control characters (C0, DEL,
// C1) and bytes that are not UTF-8 become \n, \r, \t or \xNN, so that a file cannot steer the
// terminal.
std::string printable(std::string_view bytes, std::size_t limit);

// The same in single quotes, cut at 80: for names in messages.
std::string printable_quoted(std::string_view bytes);

}  // namespace hearth
