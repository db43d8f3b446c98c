// State: what the server remembers on disk: keys and what was used with them. SQLite in WAL mode,
// one file (0600), with migrations; a newer file is refused. What a method has returned is on disk.
// Any number of processes at once: what one has written, the next call of another sees.
// Any thread. Calls that write wait for each other and for the disk, calls that only read wait for
// neither, but for each other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/priority.h"

namespace hearth {

enum class KeyRole { kUser, kAdmin };  // an admin may also change models and see everyone's usage
std::string_view to_string(KeyRole role) noexcept;
std::optional<KeyRole> key_role_from_name(std::string_view name) noexcept;

struct KeyLimits {
  std::uint32_t requests_at_once = 0;     // 0: the server's own
  std::uint32_t requests_per_minute = 0;  // 0: none
  std::uint64_t tokens_per_day = 0;       // prompt and answer; 0: none
  Priority priority = Priority::kNormal;
};

struct Key {
  std::int64_t id = 0;
  std::string name;    // unique among those not revoked; what a person calls it
  std::string prefix;  // the first 11 characters of the secret, to tell keys apart by
  KeyRole role = KeyRole::kUser;
  KeyLimits limits;
  std::int64_t created_unix_s = 0;
  std::optional<std::int64_t> revoked_unix_s;
  std::optional<std::int64_t> expires_unix_s;
};

struct NewKey {
  Key key;
  std::string secret;  // "hearth-" and 43 characters of base64url: 256 random bits; shown once
};

struct Usage {
  std::uint64_t requests = 0, prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0;
};
struct UsageRow {
  std::int64_t key_id = 0;  // 0: without a key
  std::string day;          // "2026-11-23", UTC
  std::string model;
  Usage usage;
};

class State {
 public:
  // Makes the file and its directory (0700) where there is none. kCorruptData for a file that is no
  // database of ours, kUnsupported for a newer one.
  explicit State(const std::filesystem::path& file);
  ~State();

  // kInvalidArgument for a name that is empty, longer than 64 bytes, not printable, or taken.
  NewKey add_key(std::string_view name, KeyRole role, const KeyLimits& limits,
                 std::optional<std::int64_t> expires_unix_s);
  std::vector<Key> keys() const;  // revoked ones too, oldest first
  // By name or prefix; kNotFound. At once: the next find() does not know it.
  Key revoke_key(std::string_view name_or_prefix);
  // The key of a secret that is neither revoked nor past its end; found by the SHA-256 of the
  // secret, which is all that is stored, and compared in constant time.
  std::optional<Key> find_key(std::string_view secret, std::int64_t now_unix_s) const;
  bool has_keys() const;  // that are neither revoked nor past their end

  void add_usage(const UsageRow& row);  // added to what that day, key and model have
  std::vector<UsageRow> usage(std::string_view first_day, std::string_view last_day) const;
  std::uint64_t tokens_of_day(std::int64_t key_id, std::string_view day) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth
