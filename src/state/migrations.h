// The state's schema, as the list of steps that lead to it. The file begins with SQLite's own
// magic; application_id says that it is ours, user_version how many steps it has taken. Free
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "state/database.h"

namespace hearth {

inline constexpr std::int64_t kStateApplicationId = 0x48525448;  // "HRTH"

// SQL that takes a file from version i to i + 1. What has been released is never changed: a further
// step is added.
std::span<const char* const> state_migrations() noexcept;

// How many steps the file has taken: 0 for an empty one. kCorruptData for a file that is not ours,
// kUnsupported for one that has taken more than there are. Only reads.
std::size_t state_version(const Database& database, std::size_t newest);

// Takes the file to the last version, all steps in one transaction; many processes may try at once.
// Errors as of state_version.
void migrate(Database& database, std::span<const char* const> migrations);

}  // namespace hearth
