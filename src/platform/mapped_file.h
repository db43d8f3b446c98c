// A file mapped read-only. Owns the mapping (and no descriptor: it is closed once mapped).
// Immutable after open: any thread may read. A mapped file that another program shortens kills the
// reader with SIGBUS; files that we keep are replaced by renaming, never rewritten in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace hearth {

class MappedFile {
 public:
  enum class Access {
    kHugePages,  // map and read by 2 MiB where the file system can
    kDone,       // give the memory back: whoever reads there again waits for a page fault
  };

  // An empty file is an empty span. Errors: kNotFound, kPermissionDenied, kInvalidArgument (not a
  // regular file), kResourceExhausted (no address space, too many open files). The message names
  // the file, the detail its path.
  static MappedFile open(const std::filesystem::path& path);

  MappedFile() noexcept = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  // Of the very file that was mapped, whatever has its name by now: device, inode, size, and when
  // it was last written and last changed, as of open(). No call sets the last back.
  std::span<const std::uint64_t> identity() const noexcept { return identity_; }

  // A hint to the kernel for a part of bytes() (CHECK); widened to whole pages. Refusal is ignored.
  void advise(Access access, std::span<const std::byte> part) const noexcept;
  void advise(Access access) const noexcept { advise(access, bytes_); }

 private:
  std::span<const std::byte> bytes_;
  std::array<std::uint64_t, 7> identity_{};
};

}  // namespace hearth
