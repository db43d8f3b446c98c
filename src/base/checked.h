// Arithmetic on untrusted sizes: an overflow is an Error, never a wrap.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hearth {

[[noreturn]] inline void throw_overflow(std::string_view what) {
  throw Error(ErrorCode::kCorruptData, std::string(what) + ": the size does not fit in 64 bits");
}

// `what` names the quantity in the message, e.g. "tensor 'blk.0.attn_q.weight'".
template <std::integral T>
T checked_add(T a, T b, std::string_view what) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) throw_overflow(what);
  return sum;
}

template <std::integral T>
T checked_mul(T a, T b, std::string_view what) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) throw_overflow(what);
  return product;
}

// Converts between integer types, refusing a value the target cannot hold.
template <std::integral To, std::integral From>
To checked_cast(From value, std::string_view what) {
  To to;
  if (__builtin_add_overflow(value, From{0}, &to)) {
    throw Error(ErrorCode::kCorruptData,
                std::string(what) + ": the value " + std::to_string(value) + " is out of range");
  }
  return to;
}

}  // namespace hearth
