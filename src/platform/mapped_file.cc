#include "platform/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "platform/file.h"

namespace hearth {
MappedFile MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer; it is refused below.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) throw_system_error("open", path, errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) throw_system_error("open", path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + path.filename().string() + "' is not a regular file", path.string());
  }
  MappedFile file;
  const auto number_of = [](auto fact) { return static_cast<std::uint64_t>(fact); };
  file.identity_ = {number_of(status.st_dev),          number_of(status.st_ino),
                    number_of(status.st_size),         number_of(status.st_mtim.tv_sec),
                    number_of(status.st_mtim.tv_nsec), number_of(status.st_ctim.tv_sec),
                    number_of(status.st_ctim.tv_nsec)};
  if (status.st_size == 0) return file;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) throw_system_error("map", path, errno);
  file.bytes_ = {static_cast<const std::byte*>(address), size};
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), identity_(other.identity_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(identity_, other.identity_);
  return *this;
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::advise(Access access, std::span<const std::byte> part) const noexcept {
  if (part.empty()) return;
  CHECK(part.data() >= bytes_.data());
  CHECK(part.data() + part.size() <= bytes_.data() + bytes_.size());
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before = reinterpret_cast<std::uintptr_t>(part.data()) % page;
  const int advice = access == Access::kDone ? MADV_DONTNEED : MADV_HUGEPAGE;
  ::madvise(const_cast<std::byte*>(part.data() - before), part.size() + before, advice);
}

}  // namespace hearth
