// StringIndex: strings to dense ids (0, 1, 2, … in order of insertion) and back. Owns one copy of
// the bytes. Open addressing with linear probing, at most half full: a lookup allocates nothing.
// The strings come from model files, so a table whose strings were chosen to collide is refused
// instead of becoming slow. Immutable once filled: any thread may look up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth {

class StringIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFFu;

  // Makes room for `strings` entries of `bytes` bytes in all, so that filling does not rehash.
  void reserve(std::size_t strings, std::size_t bytes);

  // The id of `text` and whether it is new. Throws kCorruptData for colliding tables,
  // kResourceExhausted past 4 GiB of text.
  std::pair<std::uint32_t, bool> insert(std::string_view text);

  std::uint32_t find(std::string_view text) const noexcept;  // kNone when absent
  std::string_view text(std::uint32_t id) const noexcept {
    return std::string_view(bytes_).substr(ends_[id], ends_[id + 1] - ends_[id]);
  }
  std::size_t size() const noexcept { return ends_.size() - 1; }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t id = kNone;
  };

  void grow();

  std::string bytes_;
  std::vector<std::uint32_t> ends_{0};  // string i is bytes [ends_[i], ends_[i + 1])
  std::vector<Slot> slots_;             // a power of two, or empty
};

}  // namespace hearth
