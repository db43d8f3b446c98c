// Tables of fields put together at compile time, so that what two calls share is written once.
#pragma once

#include <array>
#include <cstddef>

#include "api/fields.h"

namespace hearth {

template <std::size_t kFirst, std::size_t kSecond>
constexpr std::array<Field, kFirst + kSecond> joined_fields(const Field (&first)[kFirst],
                                                            const Field (&second)[kSecond]) {
  std::array<Field, kFirst + kSecond> all{};
  for (std::size_t i = 0; i < kFirst; ++i) all[i] = first[i];
  for (std::size_t i = 0; i < kSecond; ++i) all[kFirst + i] = second[i];
  return all;
}

}  // namespace hearth
