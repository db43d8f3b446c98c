// PartialBlob: a file on its way into the store. Bytes are appended and hashed as they come; what
// an earlier process left is hashed again before anything is added to it. Publication is: sync,
// rename to the blob's own digest, sync the directory; so a blob's name never stands for anything
// but its whole content. Owns the partial file and its journal ("HEARTH-PARTIAL 1\n" and one JSON
// object). The caller holds the lock of `key`. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/hash.h"
#include "platform/file.h"
#include "store/layout.h"

namespace hearth {

// Called at named steps of a publication ("body", "before_fsync", "before_rename", "after_rename",
// "before_manifest", "after_manifest"); tests stop the process there.
using FailPoint = std::function<void(std::string_view)>;

// What the journal remembers between processes.
struct PartialJournal {
  std::string validator;  // ETag or Last-Modified of the answer the bytes came from; may be empty
  std::uint64_t total_bytes = 0;
  std::string boot;       // see boot_id()
  std::string published;  // the blob's digest, once it has one that no source had promised
};
std::string serialize(const PartialJournal& journal);
std::optional<PartialJournal> parse_partial_journal(std::string_view text) noexcept;

class PartialBlob {
 public:
  // Takes up what is there. Without a journal, or when the machine restarted since and no digest
  // will judge the result (`digest_known`), it starts over. `must_be_gguf`: refuse other content at
  // its first four bytes.
  PartialBlob(const StoreLayout& layout, const Digest& key, bool digest_known, bool must_be_gguf,
              const FailPoint& fail_point);

  std::uint64_t bytes() const noexcept { return bytes_; }
  const PartialJournal& journal() const noexcept { return journal_; }

  // Starts over with what the server says now; writes the journal before the first byte.
  void restart(const PartialJournal& journal);
  void append(std::span<const std::byte> bytes);
  // Checks the digest when there is one to check, publishes, returns it. A wrong one removes the
  // partial and is kCorruptData.
  Digest publish(const std::optional<Digest>& expected, std::string_view what);
  void discard();
  // The layer that an earlier process published under `key`, if it did and the blob is still there.
  static std::optional<Digest> published(const StoreLayout& layout, const Digest& key);
  static void forget(const StoreLayout& layout, const Digest& key);

 private:
  void rehash();
  void check_magic(std::span<const std::byte> bytes) const;

  const StoreLayout& layout_;
  Digest key_;
  bool must_be_gguf_;
  const FailPoint& fail_point_;
  UniqueFd fd_;
  PartialJournal journal_;
  Sha256 hash_;
  std::uint64_t bytes_ = 0;
};

}  // namespace hearth
