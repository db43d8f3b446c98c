// Files as the library needs them: descriptors that close themselves and never leak into a child
// (O_CLOEXEC), errors that name the file and the reason, small documents read whole, advisory
// locks, and atomic publication: a name appears in a directory complete and durable, or not at all.
// Owns: UniqueFd its descriptor, FileLock its lock file. Thread rule: free functions any thread;
// one object one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace hearth {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  ~UniqueFd();
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const noexcept { return fd_; }
  bool valid() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Throws an Error for the system's reason `error_number`: kNotFound, kPermissionDenied,
// kResourceExhausted (full disk, quota, descriptors) or kUnavailable, e.g. "cannot write 'x': No
// space left on device".
[[noreturn]] void throw_system_error(std::string_view action, const std::filesystem::path& path,
                                     int error_number);

UniqueFd open_for_reading(const std::filesystem::path& path);
// Creates when missing, keeps what is there, mode 0644 (or as given).
UniqueFd open_for_writing(const std::filesystem::path& path, unsigned mode = 0644);

// Whole reads and writes at an offset; `path` goes into the message.
std::size_t read_at(const UniqueFd& fd, std::span<std::byte> into, std::uint64_t offset,
                    const std::filesystem::path& path);  // fewer bytes only at the end of the file
void write_at(const UniqueFd& fd, std::span<const std::byte> bytes, std::uint64_t offset,
              const std::filesystem::path& path);
void truncate_file(const UniqueFd& fd, std::uint64_t bytes, const std::filesystem::path& path);
void sync_file(const UniqueFd& fd, const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& directory);

// Nothing when there is no such file; an Error when it is larger than `bytes_max`.
std::optional<std::string> read_small_file(const std::filesystem::path& path,
                                           std::uint64_t bytes_max);

void make_directories(const std::filesystem::path& directory);
std::optional<std::uint64_t> file_bytes_if_present(const std::filesystem::path& path);
void remove_file(const std::filesystem::path& path);  // a missing file is no error

// Renames within one file system, then makes the directory entry durable. The file must be synced.
void publish_file(const std::filesystem::path& from, const std::filesystem::path& to);

// What is added to the name of a file in the making: nobody names a file of their own like this.
inline constexpr std::string_view kDraftSuffix = ".hearth-new";

// A file in the making: `<path>.hearth-new`, which takes the name `path` whole and durable, or is
// gone with this object. Two writers of one path need a lock between them.
class FileDraft {
 public:
  // kInvalidArgument when `path` is there and is no regular file: a device is not to be replaced.
  explicit FileDraft(std::filesystem::path path, unsigned mode = 0644);
  ~FileDraft();
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;

  void append(std::span<const std::byte> bytes);
  void publish();  // once, after the last append

 private:
  std::filesystem::path path_;
  std::filesystem::path draft_;  // empty once it was published
  UniqueFd fd_;
  std::uint64_t bytes_ = 0;
};

// A FileDraft of these bytes, published.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           unsigned mode = 0644);

// Bytes an ordinary user can still write in the file system that holds `path` (or its nearest
// existing parent).
std::uint64_t free_disk_bytes(const std::filesystem::path& path);

// Identifies this boot of the machine: what a process wrote and did not sync is there until it
// changes.
std::string boot_id();

// An exclusive advisory lock between processes. The lock file exists while it is held or waited
// for; the holder unlinks it before letting go, and a kill -9 frees it.
class FileLock {
 public:
  static std::optional<FileLock> try_lock(const std::filesystem::path& path);
  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  FileLock(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::filesystem::path path_;
};

}  // namespace hearth
