#include "store/partial_blob.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "store/json_document.h"

namespace hearth {
namespace {

constexpr std::string_view kMagicLine = "HEARTH-PARTIAL 1\n";
constexpr std::uint64_t kJournalBytesMax = 16 * 1024;
constexpr std::size_t kHashBytes = 1u << 20;
constexpr std::string_view kGgufMagic = "GGUF";

}  // namespace

std::string serialize(const PartialJournal& journal) {
  const nlohmann::json object = {{"validator", journal.validator},
                                 {"total", journal.total_bytes},
                                 {"boot", journal.boot},
                                 {"published", journal.published}};
  return std::string(kMagicLine) +
         object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<PartialJournal> parse_partial_journal(std::string_view text) noexcept {
  if (!text.starts_with(kMagicLine)) return std::nullopt;
  try {
    const auto document = JsonDocument::parse(text.substr(kMagicLine.size()), "the journal");
    return PartialJournal{document.text("validator"), document.size("total"), document.text("boot"),
                          document.text("published")};
  } catch (const std::exception&) {
    return std::nullopt;  // a cache: discarded when in doubt
  }
}

PartialBlob::PartialBlob(const StoreLayout& layout, const Digest& key, bool digest_known,
                         bool must_be_gguf, const FailPoint& fail_point)
    : layout_(layout), key_(key), must_be_gguf_(must_be_gguf), fail_point_(fail_point) {
  make_directories(layout_.partials());
  fd_ = open_for_writing(layout_.partial(key_));
  const auto text = read_small_file(layout_.journal(key_), kJournalBytesMax);
  const auto found = text ? parse_partial_journal(*text) : std::nullopt;
  // After a crash of the machine a file may have its length and not its bytes: only a digest can
  // tell.
  const bool usable = found && (digest_known || (found->boot == boot_id() && !found->boot.empty()));
  if (usable) {
    journal_ = *found;
    rehash();
  } else {
    truncate_file(fd_, 0, layout_.partial(key_));
  }
}

void PartialBlob::rehash() {
  std::vector<std::byte> buffer(kHashBytes);
  for (;;) {
    const std::size_t got = read_at(fd_, buffer, bytes_, layout_.partial(key_));
    hash_.update(std::span(buffer).first(got));
    bytes_ += got;
    if (got < buffer.size()) return;
  }
}

void PartialBlob::restart(const PartialJournal& journal) {
  truncate_file(fd_, 0, layout_.partial(key_));
  bytes_ = 0;
  hash_ = Sha256();
  journal_ = journal;
  journal_.boot = boot_id();
  write_file_atomically(layout_.journal(key_), serialize(journal_));
}

void PartialBlob::check_magic(std::span<const std::byte> bytes) const {
  // A first piece shorter than the magic is judged when the model is checked as a whole.
  if (!must_be_gguf_ || bytes_ != 0 || bytes.size() < kGgufMagic.size()) return;
  if (std::ranges::equal(bytes.first(kGgufMagic.size()), std::as_bytes(std::span(kGgufMagic))))
    return;
  std::string shown;
  for (const std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), 16))) {
    const char c = static_cast<char>(byte);
    shown.push_back(c >= 0x20 && c < 0x7f ? c : '.');
  }
  throw Error(ErrorCode::kCorruptData, "this is not a GGUF file: it begins with '" + shown + "'");
}

void PartialBlob::append(std::span<const std::byte> bytes) {
  check_magic(bytes);
  write_at(fd_, bytes, bytes_, layout_.partial(key_));
  hash_.update(bytes);
  bytes_ += bytes.size();
  if (fail_point_) fail_point_("body");
}

Digest PartialBlob::publish(const std::optional<Digest>& expected, std::string_view what) {
  const Digest digest(hash_.finish());
  if (expected && digest != *expected) {
    discard();
    throw Error(ErrorCode::kCorruptData, std::string(what) + " has the SHA-256 " + digest.hex() +
                                             " instead of " + expected->hex() + ": discarded");
  }
  if (fail_point_) fail_point_("before_fsync");
  sync_file(fd_, layout_.partial(key_));
  make_directories(layout_.blobs());
  if (!expected) {
    journal_.published = digest.hex();
    write_file_atomically(layout_.journal(key_), serialize(journal_));
  }
  if (fail_point_) fail_point_("before_rename");
  publish_file(layout_.partial(key_), layout_.blob(digest));
  if (fail_point_) fail_point_("after_rename");
  if (expected) forget(layout_, key_);
  return digest;
}

std::optional<Digest> PartialBlob::published(const StoreLayout& layout, const Digest& key) {
  const auto text = read_small_file(layout.journal(key), kJournalBytesMax);
  const auto journal = text ? parse_partial_journal(*text) : std::nullopt;
  const auto digest = journal ? Digest::try_parse(journal->published) : std::nullopt;
  if (!digest || file_bytes_if_present(layout.blob(*digest)) != journal->total_bytes) {
    return std::nullopt;
  }
  return digest;
}

void PartialBlob::forget(const StoreLayout& layout, const Digest& key) {
  remove_file(layout.journal(key));
}

void PartialBlob::discard() {
  remove_file(layout_.partial(key_));
  remove_file(layout_.journal(key_));
}

}  // namespace hearth
