#include "device/cpu/weight_image.h"

#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "platform/file.h"

namespace hearth {
namespace {

struct Header {
  char magic[8] = {'H', 'R', 'T', 'H', 'W', 'G', 'H', 'T'};
  std::uint64_t version = 2;  // counted up when WeightImage::model means something else
  std::uint64_t weight_bytes = 0;
  Sha256Bytes key{};
};
static_assert(sizeof(Header) == 56);  // no padding: it is compared and written as bytes

Header header_of(const Sha256Bytes& key, std::size_t weight_bytes) {
  Header header;
  header.weight_bytes = weight_bytes;
  header.key = key;
  return header;
}

void write(const std::filesystem::path& path, const Header& header,
           std::span<const std::byte> weights) {
  make_directories(path.parent_path());
  std::filesystem::path lock_path = path;
  lock_path += ".lock";
  const auto lock = FileLock::try_lock(lock_path);
  if (!lock) return;  // another process is writing the same
  std::vector<std::byte> front(kImageHeaderBytes);
  std::memcpy(front.data(), &header, sizeof header);
  // What a killed process left would be taken up as it is, mode and all.
  std::filesystem::path left_over = path;
  left_over += kDraftSuffix;
  remove_file(left_over);
  FileDraft draft(path, 0600);  // the model may be its owner's alone
  draft.append(front);
  draft.append(weights);
  draft.publish();
}

}  // namespace

std::optional<MappedFile> open_image(const std::filesystem::path& path, const Sha256Bytes& key,
                                     std::size_t weight_bytes) {
  const Header wanted = header_of(key, weight_bytes);
  try {
    MappedFile file = MappedFile::open(path);
    if (file.size() != kImageHeaderBytes + weight_bytes) return std::nullopt;
    if (std::memcmp(file.bytes().data(), &wanted, sizeof wanted) != 0) return std::nullopt;
    file.advise(MappedFile::Access::kHugePages);
    std::error_code error;  // the time of last use, for whoever keeps the newest few
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), error);
    return file;
  } catch (const Error& closed) {
    if (closed.code() != ErrorCode::kNotFound) log(LogLevel::kWarn, closed.message());
    return std::nullopt;
  }
}

void write_image(const std::filesystem::path& path, const Sha256Bytes& key,
                 std::span<const std::byte> weights) noexcept {
  try {
    write(path, header_of(key, weights.size()), weights);
  } catch (const std::exception& failed) {
    log(LogLevel::kWarn, std::string("the packed weights are not kept: ") + failed.what());
  }
}

}  // namespace hearth
