// A cursor over untrusted little-endian bytes: every read is checked against what remains, and a
// short source is an Error that says where it ends and how many bytes are missing. Owns nothing:
// `bytes` and `name` outlive it. One thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "format/printable.h"

namespace hearth {

static_assert(std::endian::native == std::endian::little, "formats are read in place");

class ByteReader {
 public:
  // `name` of the source goes into messages.
  ByteReader(std::span<const std::byte> bytes, std::string_view name) noexcept
      : bytes_(bytes), name_(name) {}

  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t remaining() const noexcept { return bytes_.size() - position_; }
  std::string_view name() const noexcept { return name_; }

  // `what` is being read, for the message: "the number of tensors".
  template <typename T>
  T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > remaining()) [[unlikely]]
      fail_short(count, what);
    const auto part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }

  std::string_view take_text(std::uint64_t count, std::string_view what) {
    const auto part = take(count, what);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }

 private:
  [[noreturn]] void fail_short(std::uint64_t count, std::string_view what) const {
    throw Error(ErrorCode::kCorruptData,
                printable_quoted(name_) + " is damaged or cut short: it has " +
                    std::to_string(bytes_.size()) + " bytes, and " + std::string(what) +
                    " at byte " + std::to_string(position_) + " needs " +
                    std::to_string(count - remaining()) + " more; fetch it again");
  }

  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::uint64_t position_ = 0;
};

}  // namespace hearth
