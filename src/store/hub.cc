#include "store/hub.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/error.h"
#include "net/url.h"
#include "store/json_document.h"

namespace hearth {
namespace {

constexpr std::size_t kFilesMax = 100'000;

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return result;
}

std::string encode_path(std::string_view path) {
  std::string encoded;
  for (;;) {
    const auto slash = path.find('/');
    encoded += percent_encode(path.substr(0, slash));
    if (slash == std::string_view::npos) return encoded;
    encoded += '/';
    path.remove_prefix(slash + 1);
  }
}

// "model-00002-of-00005.gguf": its number, the count, and the name without both.
struct ShardName {
  std::string stem;
  unsigned number = 1;
  unsigned count = 1;
};

ShardName shard_name(std::string_view file) {
  constexpr std::size_t kTail = std::string_view("-00001-of-00002.gguf").size();
  const auto digits = [](std::string_view text, unsigned& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  if (file.size() > kTail) {
    const std::string_view tail = file.substr(file.size() - kTail);
    ShardName shard;
    if (tail[0] == '-' && tail.substr(6, 4) == "-of-" && digits(tail.substr(1, 5), shard.number) &&
        digits(tail.substr(10, 5), shard.count)) {
      shard.stem = file.substr(0, file.size() - kTail);
      return shard;
    }
  }
  return {.stem = std::string(file.substr(0, file.size() - std::string_view(".gguf").size()))};
}

// Whether `stem` carries the quantization as a word of its own: "x.Q4_K_M", "x-q4_0", "Q4_K_M/x",
// but not "IQ4_NL" for "Q4_NL", nor "Q4_K_M" for "Q4_K".
bool names_quant(std::string_view stem, std::string_view quant) {
  const std::string text = upper(stem);
  const auto part_of_word = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (auto at = text.find(quant); at != std::string::npos; at = text.find(quant, at + 1)) {
    const auto end = at + quant.size();
    if ((at == 0 || !part_of_word(text[at - 1])) &&
        (end == text.size() || !part_of_word(text[end]))) {
      return true;
    }
  }
  return false;
}

// Shards by number under their stem; projectors and importance matrices are not models.
using FileSets = std::map<std::string, std::map<unsigned, HubFile>>;

FileSets model_sets(const HubRepository& repository) {
  FileSets sets;
  for (const HubFile& file : repository.files) {
    const std::string name = upper(file.name);
    if (!name.ends_with(".GGUF") || name.find("MMPROJ") != std::string::npos ||
        name.find("IMATRIX") != std::string::npos) {
      continue;
    }
    const ShardName shard = shard_name(file.name);
    sets[shard.stem].emplace(shard.number, file);
  }
  return sets;
}

std::vector<HubFile> complete_set(const std::map<unsigned, HubFile>& shards,
                                  std::string_view name) {
  const unsigned count = shard_name(shards.begin()->second.name).count;
  if (count == 0 || shards.size() != count || shards.begin()->first != 1 ||
      shards.rbegin()->first != count) {
    throw Error(ErrorCode::kCorruptData, std::string(name) + " has only " +
                                             std::to_string(shards.size()) + " of its " +
                                             std::to_string(count) + " parts");
  }
  std::vector<HubFile> files;
  for (const auto& [number, file] : shards) files.push_back(file);
  return files;
}

std::string listing(const FileSets& sets) {
  constexpr int kShown = 12;
  std::string text;
  int shown = 0;
  for (const auto& [stem, shards] : sets) {
    if (shown++ == kShown) return text + ", …";
    text += (text.empty() ? "" : ", ") + stem.substr(0, 80) + ".gguf";
  }
  return text;
}

// Best quality per byte first, as people pull them.
constexpr std::array<std::string_view, 14> kPreferred = {
    "Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1",   "IQ4_NL", "IQ4_XS", "Q5_K_M",
    "Q5_0",   "Q6_K",   "Q8_0", "Q3_K_M", "F16",    "BF16",   "F32"};

std::vector<std::string> matching(const FileSets& sets, std::string_view quant) {
  std::vector<std::string> stems;
  for (const auto& [stem, shards] : sets) {
    if (names_quant(stem, quant)) stems.push_back(stem);
  }
  return stems;
}

}  // namespace

std::string hub_repository_address(std::string_view endpoint, std::string_view repository) {
  return std::string(endpoint) + "/api/models/" + encode_path(repository) + "?blobs=true";
}

std::string hub_file_address(std::string_view endpoint, std::string_view repository,
                             std::string_view commit, std::string_view file) {
  return std::string(endpoint) + "/" + encode_path(repository) + "/resolve/" +
         percent_encode(commit) + "/" + encode_path(file);
}

HubRepository parse_hub_repository(std::string_view json, std::string_view name) {
  const std::string what = "the answer about " + std::string(name);
  const JsonDocument document = JsonDocument::parse(json, what);
  HubRepository repository;
  repository.commit = document.contains("sha") ? document.text("sha") : "main";
  if (document.contains("cardData")) {
    const JsonDocument card = document.child("cardData");
    if (card.contains("license_name"))
      repository.licence = card.text("license_name");
    else if (card.contains("license"))
      repository.licence = card.text("license");
  }
  for (const JsonDocument& entry : document.list("siblings", kFilesMax)) {
    HubFile file{.name = entry.text("rfilename"), .bytes = 0, .digest = {}};
    if (entry.contains("size")) file.bytes = entry.size("size");
    if (entry.contains("lfs")) {
      const JsonDocument lfs = entry.child("lfs");
      file.digest = Digest::parse(lfs.text("sha256"), what);
      file.bytes = lfs.size("size");
    }
    // "a/../b" would be rewritten on the way and ask for another file.
    const std::string bounded = "/" + file.name + "/";
    if (bounded.find("/../") != std::string::npos || bounded.find("/./") != std::string::npos ||
        bounded.find("//") != std::string::npos) {
      throw Error(ErrorCode::kCorruptData, what + " has a file name that climbs out of it");
    }
    repository.files.push_back(std::move(file));
  }
  return repository;
}

std::vector<HubFile> choose_hub_files(const HubRepository& repository, std::string_view quant,
                                      std::string_view name) {
  const FileSets sets = model_sets(repository);
  if (sets.empty()) {
    throw Error(ErrorCode::kNotFound, std::string(name) + " has no GGUF file");
  }
  if (quant.ends_with(".gguf")) {
    const auto found = sets.find(shard_name(quant).stem);
    if (found != sets.end()) return complete_set(found->second, name);
  } else if (!quant.empty()) {
    const auto stems = matching(sets, quant);
    if (stems.size() > 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  std::string(name) + " has several files for " + std::string(quant) +
                      ": name one of them after the ':'",
                  listing(sets));
    }
    if (stems.size() == 1) return complete_set(sets.at(stems.front()), name);
  } else {
    if (sets.size() == 1) return complete_set(sets.begin()->second, name);
    for (const std::string_view preferred : kPreferred) {
      const auto stems = matching(sets, preferred);
      if (stems.size() == 1) return complete_set(sets.at(stems.front()), name);
    }
  }
  throw Error(ErrorCode::kNotFound,
              std::string(name) + " has no file for " +
                  (quant.empty() ? "a usual quantization" : std::string(quant)) + "; it has " +
                  listing(sets));
}

}  // namespace hearth
