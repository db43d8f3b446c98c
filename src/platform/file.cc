#include "platform/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/exhausted.h"

namespace hearth {
namespace {

ErrorCode code_of(int error_number) noexcept {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::kPermissionDenied;
    case EFBIG: return ErrorCode::kResourceExhausted;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP: return ErrorCode::kInvalidArgument;
    default: return ErrorCode::kUnavailable;
  }
}

UniqueFd open_file(const std::filesystem::path& path, int flags, unsigned mode,
                   std::string_view action) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw_system_error(action, path, errno);
  return UniqueFd(fd);
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

void throw_system_error(std::string_view action, const std::filesystem::path& path,
                        int error_number) {
  using Of = ShortageError::Of;
  const std::string what = "cannot " + std::string(action) + " '" + path.filename().string() +
                           "': " + std::strerror(error_number);
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: throw ShortageError(Of::kDisk, what + "; free some space", path.string());
    case EMFILE:
    case ENFILE: throw ShortageError(Of::kDescriptors, what, path.string());
    case ENOMEM: throw ShortageError(Of::kMemory, what, path.string());
    default: throw Error(code_of(error_number), what, path.string());
  }
}

UniqueFd open_for_reading(const std::filesystem::path& path) {
  return open_file(path, O_RDONLY, 0, "read");
}

UniqueFd open_for_writing(const std::filesystem::path& path, unsigned mode) {
  return open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode, "write");
}

std::size_t read_at(const UniqueFd& fd, std::span<std::byte> into, std::uint64_t offset,
                    const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(fd.get(), into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error("read", path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void write_at(const UniqueFd& fd, std::span<const std::byte> bytes, std::uint64_t offset,
              const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::pwrite(fd.get(), bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_system_error("write", path, errno);
    done += static_cast<std::size_t>(put);
  }
}

void truncate_file(const UniqueFd& fd, std::uint64_t bytes, const std::filesystem::path& path) {
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    throw_system_error("truncate", path, errno);
  }
}

void sync_file(const UniqueFd& fd, const std::filesystem::path& path) {
  if (::fsync(fd.get()) != 0) throw_system_error("sync", path, errno);
}

void sync_directory(const std::filesystem::path& directory) {
  const UniqueFd fd = open_file(directory, O_RDONLY | O_DIRECTORY, 0, "open");
  if (::fsync(fd.get()) != 0) throw_system_error("sync", directory, errno);
}

std::optional<std::string> read_small_file(const std::filesystem::path& path,
                                           std::uint64_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_system_error("read", path, errno);
  }
  std::string text(bytes_max + 1, '\0');
  text.resize(read_at(fd, std::as_writable_bytes(std::span(text)), 0, path));
  if (text.size() > bytes_max) {
    throw Error(ErrorCode::kCorruptData,
                "'" + path.filename().string() + "' is larger than the " +
                    std::to_string(bytes_max) + " bytes it may have",
                path.string());
  }
  return text;
}

void make_directories(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw_system_error("create the directory", directory, error.value());
}

std::optional<std::uint64_t> file_bytes_if_present(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw_system_error("read", path, errno);
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

void remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
    throw_system_error("remove", path, errno);
  }
}

void publish_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw_system_error("rename to", to, errno);
  sync_directory(to.has_parent_path() ? to.parent_path() : ".");
}

FileDraft::FileDraft(std::filesystem::path path, unsigned mode) : path_(std::move(path)) {
  std::error_code error;
  // What a link names is written, not the link.
  if (std::filesystem::is_symlink(path_, error)) path_ = std::filesystem::weakly_canonical(path_);
  const auto type = std::filesystem::status(path_, error).type();
  if (std::filesystem::exists(std::filesystem::file_status(type)) &&
      type != std::filesystem::file_type::regular) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "cannot write '" + path_.filename().string() + "': it is there, and is no regular file",
        path_.string());
  }
  draft_ = path_;
  draft_ += kDraftSuffix;
  fd_ = open_for_writing(draft_, mode);
  try {
    truncate_file(fd_, 0, path_);
  } catch (const Error&) {
    ::unlink(draft_.c_str());
    throw;
  }
}

FileDraft::~FileDraft() {
  if (!draft_.empty()) ::unlink(draft_.c_str());
}

void FileDraft::append(std::span<const std::byte> bytes) {
  write_at(fd_, bytes, bytes_, path_);
  bytes_ += bytes.size();
}

void FileDraft::publish() {
  sync_file(fd_, path_);
  publish_file(draft_, path_);
  draft_.clear();
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           unsigned mode) {
  FileDraft draft(path, mode);
  draft.append(std::as_bytes(std::span(bytes)));
  draft.publish();
}

std::uint64_t free_disk_bytes(const std::filesystem::path& path) {
  std::filesystem::path place = std::filesystem::absolute(path);
  struct statvfs status{};
  while (::statvfs(place.c_str(), &status) != 0) {
    if (errno != ENOENT || place == place.parent_path()) {
      throw_system_error("measure the disk of", path, errno);
    }
    place = place.parent_path();
  }
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

std::string boot_id() {
  // A UUID and a newline: 37 bytes. Systems without it count every start as a new boot.
  const auto text = read_small_file("/proc/sys/kernel/random/boot_id", 64);
  return text && text->size() >= 36 ? text->substr(0, 36) : std::string();
}

std::optional<FileLock> FileLock::try_lock(const std::filesystem::path& path) {
  for (;;) {
    UniqueFd fd = open_for_writing(path);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::nullopt;
      throw_system_error("lock", path, errno);
    }
    // Its last holder may have unlinked the file between our open and our lock: then we hold the
    // lock of a file that nobody else can find, and must begin again.
    struct stat ours{};
    struct stat named{};
    if (::fstat(fd.get(), &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
        ours.st_ino == named.st_ino && ours.st_dev == named.st_dev) {
      return FileLock(std::move(fd), path);
    }
  }
}

FileLock::~FileLock() {
  if (fd_.valid()) ::unlink(path_.c_str());
}

}  // namespace hearth
