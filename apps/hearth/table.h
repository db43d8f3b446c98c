// Tables on stdout, as the commands that list things print them. Free functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hearth {

using TableRow = std::vector<std::string>;

// Columns as wide as their longest cell; the first row is the head.
void print_table(const std::vector<TableRow>& rows);

// "2026-11-23 22:49", in the time zone of this machine.
std::string local_time(std::int64_t unix_s);

}  // namespace hearth
