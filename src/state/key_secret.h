// The secret of a key: "hearth-" and 32 random bytes in base64url (RFC 4648, section 5, without
// padding). Free functions, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace hearth {

inline constexpr std::string_view kSecretBegin = "hearth-";
inline constexpr std::size_t kSecretBytes = kSecretBegin.size() + 43;  // 43 = ceil(32 · 8 / 6)
// What may be shown of it: 4 characters, 24 of the 256 bits.
inline constexpr std::size_t kSecretPrefixBytes = kSecretBegin.size() + 4;

std::string make_secret();  // from the system's source of randomness

// Nothing that looks like no secret is worth a look into the state.
bool has_secret_form(std::string_view text) noexcept;

// 256 random bits need neither salt nor a slow hash: nobody can try them.
Sha256Bytes secret_digest(std::string_view secret);

// In a time that does not depend on the bytes.
bool same_digest(const Sha256Bytes& digest, std::span<const std::byte> stored) noexcept;

}  // namespace hearth
