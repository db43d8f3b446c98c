// SHA-256 (FIPS 180-4, by OpenSSL): incremental and one-shot.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace hearth {

using Sha256Bytes = std::array<std::byte, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  Sha256Bytes finish();  // once; the object is spent afterwards

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// 64 lower-case hexadecimal digits.
std::string to_hex(const Sha256Bytes& digest);

}  // namespace hearth
