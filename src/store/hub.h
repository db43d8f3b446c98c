// The hub's protocol (Hugging Face and its mirrors), without any I/O: the address to ask, the
// answer's parser, and the choice of the files for a quantization. Pure functions.
//
//   GET {endpoint}/api/models/{org}/{repo}?blobs=true
//     → {"sha": commit, "siblings": [{"rfilename", "size", "lfs": {"sha256", "size"}}], "cardData":
//     {…}}
//   GET {endpoint}/{org}/{repo}/resolve/{commit}/{file}, with ranges
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/digest.h"

namespace hearth {

struct HubFile {
  std::string name;  // path in the repository: only ever part of an address, never of a path here
  std::uint64_t bytes = 0;
  std::optional<Digest> digest;
};

struct HubRepository {
  std::string commit;
  std::string licence;
  std::vector<HubFile> files;
};

inline constexpr std::uint64_t kHubAnswerBytesMax = 16u << 20;  // 50,000 files of 300 bytes

std::string hub_repository_address(std::string_view endpoint, std::string_view repository);
std::string hub_file_address(std::string_view endpoint, std::string_view repository,
                             std::string_view commit, std::string_view file);

// kCorruptData; `name` goes into the message.
HubRepository parse_hub_repository(std::string_view json, std::string_view name);

// The GGUF file (or the complete set of shards, in order) for a quantization such as "Q4_K_M", or
// for a file's own name. An empty `quant` prefers Q4_K_M, then its neighbours. kNotFound lists what
// there is; kInvalidArgument when two models match.
std::vector<HubFile> choose_hub_files(const HubRepository& repository, std::string_view quant,
                                      std::string_view name);

}  // namespace hearth
