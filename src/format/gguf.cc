#include "format/gguf.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "format/gguf_parser.h"
#include "format/gguf_shards.h"
#include "format/printable.h"
#include "platform/mapped_file.h"

namespace hearth {

std::uint64_t GgufTensor::elements() const noexcept {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>());
}

namespace {

struct Shard {
  std::string file_name;
  MappedFile map;
  GgufFile file;  // views into the map
};

Shard open_shard(const std::filesystem::path& path) {
  Shard shard{path.filename().string(), MappedFile::open(path), {}};
  shard.file = GgufParser(shard.map.bytes(), shard.file_name).parse();
  return shard;
}

constexpr std::string_view kSplitCount = "split.count";
constexpr std::string_view kSplitNumber = "split.no";
constexpr std::string_view kSplitTensors = "split.tensors.count";

std::uint64_t shard_count(const GgufMetadata& metadata, std::string_view file_name) {
  const std::uint64_t count = metadata.optional_unsigned(kSplitCount).value_or(1);
  if (count <= kGgufShardsMax) return std::max<std::uint64_t>(count, 1);
  throw Error(ErrorCode::kCorruptData, printable_quoted(file_name) + " claims to be one of " +
                                           std::to_string(count) + " shards; at most " +
                                           std::to_string(kGgufShardsMax) + " are allowed");
}

// The paths of the whole set that `path` is one of.
std::vector<std::filesystem::path> shard_paths(const std::filesystem::path& path,
                                               std::uint64_t count) {
  const std::string file_name = path.filename().string();
  const auto name = parse_shard_name(file_name);
  if (!name || name->count != count) {
    throw Error(ErrorCode::kInvalidArgument,
                printable_quoted(file_name) + " is one of " + std::to_string(count) +
                    " shards, and only a name like " +
                    format_shard_name({"model", 1, static_cast<std::uint32_t>(count)}) +
                    " tells where the others are: give it back its name",
                path.string());
  }
  std::vector<std::filesystem::path> paths;
  for (std::uint32_t number = 1; number <= name->count; ++number) {
    paths.push_back(path.parent_path() / format_shard_name({name->stem, number, name->count}));
  }
  return paths;
}

void check_shard(const GgufMetadata& metadata, std::uint64_t index, std::uint64_t count,
                 std::string_view file_name) {
  const std::uint64_t number = metadata.optional_unsigned(kSplitNumber).value_or(0);
  const std::uint64_t of = shard_count(metadata, file_name);
  if (number == index && of == count) return;
  throw Error(ErrorCode::kCorruptData,
              printable_quoted(file_name) + " should be shard " + std::to_string(index + 1) +
                  " of " + std::to_string(count) + ", and says it is shard " +
                  std::to_string(number) + " (from 0) of " + std::to_string(of) +
                  ": files of two models are mixed up");
}

void check_tensor_count(const GgufMetadata& metadata, std::size_t found,
                        std::string_view file_name) {
  const auto wanted = metadata.optional_unsigned(kSplitTensors);
  if (!wanted || *wanted == found) return;
  throw Error(ErrorCode::kCorruptData, printable_quoted(file_name) + ": its shards hold " +
                                           std::to_string(found) + " tensors, and should hold " +
                                           std::to_string(*wanted) + "; fetch them again");
}

}  // namespace

struct Gguf::State {
  std::vector<MappedFile> maps;
  GgufMetadata metadata;
  std::vector<GgufTensor> tensors;
  std::vector<std::uint32_t> by_name;  // indices of tensors, sorted by name
  std::uint64_t file_bytes = 0;

  static std::unique_ptr<State> join(std::vector<Shard> shards);
  void index_names(std::string_view file_name);
};

std::unique_ptr<Gguf::State> Gguf::State::join(std::vector<Shard> shards) {
  auto state = std::make_unique<State>();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    Shard& shard = shards[i];
    check_shard(shard.file.metadata, i, shards.size(), shard.file_name);
    state->file_bytes += shard.map.size();
    state->maps.push_back(std::move(shard.map));
    std::ranges::move(shard.file.tensors, std::back_inserter(state->tensors));
  }
  state->metadata = std::move(shards.front().file.metadata);
  check_tensor_count(state->metadata, state->tensors.size(), shards.front().file_name);
  state->index_names(shards.front().file_name);
  return state;
}

void Gguf::State::index_names(std::string_view file_name) {
  const auto name_of = [this](std::uint32_t i) { return tensors[i].name; };
  by_name.resize(tensors.size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::ranges::sort(by_name, {}, name_of);
  const auto twice = std::ranges::adjacent_find(by_name, {}, name_of);
  if (twice == by_name.end()) return;
  throw Error(ErrorCode::kCorruptData, printable_quoted(file_name) + ": tensor " +
                                           printable_quoted(name_of(*twice)) +
                                           " stands there twice");
}

Gguf::Gguf(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gguf::Gguf(Gguf&&) noexcept = default;
Gguf& Gguf::operator=(Gguf&&) noexcept = default;
Gguf::~Gguf() = default;

Gguf Gguf::open(const std::filesystem::path& path) {
  std::vector<Shard> shards;
  shards.push_back(open_shard(path));
  const std::uint64_t count = shard_count(shards[0].file.metadata, shards[0].file_name);
  if (count > 1) return open_shards(shard_paths(path, count));
  return Gguf(State::join(std::move(shards)));
}

Gguf Gguf::open_shards(std::span<const std::filesystem::path> paths) {
  if (paths.empty())
    throw Error(ErrorCode::kInvalidArgument, "a model of no files cannot be opened");
  std::vector<Shard> shards;
  for (const std::filesystem::path& path : paths) shards.push_back(open_shard(path));
  return Gguf(State::join(std::move(shards)));
}

Gguf Gguf::parse(std::span<const std::byte> bytes, std::string_view name) {
  auto state = std::make_unique<State>();
  GgufFile file = GgufParser(bytes, name).parse();
  state->metadata = std::move(file.metadata);
  state->tensors = std::move(file.tensors);
  state->file_bytes = bytes.size();
  state->index_names(name);
  return Gguf(std::move(state));
}

const GgufMetadata& Gguf::metadata() const noexcept { return state_->metadata; }
std::span<const GgufTensor> Gguf::tensors() const noexcept { return state_->tensors; }
std::uint64_t Gguf::file_bytes() const noexcept { return state_->file_bytes; }

std::span<const std::uint64_t> Gguf::identity() const noexcept {
  if (state_->maps.size() != 1) return {};
  return state_->maps.front().identity();
}

void Gguf::release(std::span<const std::byte> part) const noexcept {
  const auto holds = [part](const MappedFile& map) {
    return std::less_equal<>()(map.bytes().data(), part.data()) &&
           std::less<>()(part.data(), map.bytes().data() + map.size());
  };
  const auto map = std::ranges::find_if(state_->maps, holds);
  if (map == state_->maps.end()) return;
  // Reading the first and last pages has mapped up to so much around them, which may have been
  // given back already.
  constexpr std::size_t kFaultAroundBytes = std::size_t{64} << 10;
  const auto at = static_cast<std::size_t>(part.data() - map->bytes().data());
  const std::size_t first = at - std::min(at, kFaultAroundBytes);
  const std::size_t end = std::min(at + part.size() + kFaultAroundBytes, map->size());
  map->advise(MappedFile::Access::kDone, map->bytes().subspan(first, end - first));
}

void Gguf::release_metadata() const noexcept {
  if (state_->maps.empty()) return;
  const MappedFile& first = state_->maps.front();
  std::size_t end = first.size();
  for (const GgufTensor& tensor : state_->tensors) {
    const auto at = reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) -
                    reinterpret_cast<std::uintptr_t>(first.bytes().data());
    end = std::min<std::size_t>(end, at);  // in another map: beyond this one, or wrapped around
  }
  first.advise(MappedFile::Access::kDone, first.bytes().first(end));
}

const GgufTensor* Gguf::find(std::string_view name) const noexcept {
  const auto name_of = [this](std::uint32_t i) { return state_->tensors[i].name; };
  const auto found = std::ranges::lower_bound(state_->by_name, name, {}, name_of);
  if (found == state_->by_name.end() || name_of(*found) != name) return nullptr;
  return &state_->tensors[*found];
}

}  // namespace hearth
