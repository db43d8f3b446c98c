// A weight image: a file with all packed weights of a model as they stand in memory, mapped at the
// next start instead of packing again. It is found by a path and believed by its key alone, a
// digest of everything that decides its bytes. Free functions; any thread, any process.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>

#include "base/hash.h"
#include "platform/mapped_file.h"

namespace hearth {

// The weights begin here: a page cache that holds the file in pages of 2 MiB maps them as such.
inline constexpr std::size_t kImageHeaderBytes = std::size_t{2} << 20;

// The image at `path`, when there is a whole one of this key with so many bytes of weights.
std::optional<MappedFile> open_image(const std::filesystem::path& path, const Sha256Bytes& key,
                                     std::size_t weight_bytes);

// Puts an image in the place of whatever is at `path`. Nothing is lost where that fails (full disk,
// closed directory, another process at it): the log says so, and the next start packs again.
void write_image(const std::filesystem::path& path, const Sha256Bytes& key,
                 std::span<const std::byte> weights) noexcept;

}  // namespace hearth
