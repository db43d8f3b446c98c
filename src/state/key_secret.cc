#include "state/key_secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace hearth {

std::string make_secret() {
  std::array<unsigned char, 32> bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw Error(ErrorCode::kInternal, "the system has no randomness to make a key of");
  }
  std::array<unsigned char, 45> text;  // 4 characters for every 3 bytes begun, and a zero
  EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(bytes.size()));
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  std::string secret(kSecretBegin);
  return secret.append(text.begin(), text.end()).substr(0, kSecretBytes);  // without '=' and zero
}

bool has_secret_form(std::string_view text) noexcept {
  return text.size() == kSecretBytes && text.starts_with(kSecretBegin);
}

Sha256Bytes secret_digest(std::string_view secret) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(secret)));
  return hash.finish();
}

bool same_digest(const Sha256Bytes& digest, std::span<const std::byte> stored) noexcept {
  return stored.size() == digest.size() &&
         CRYPTO_memcmp(digest.data(), stored.data(), digest.size()) == 0;
}

}  // namespace hearth
