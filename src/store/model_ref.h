// ModelRef: what a person types to name a model. Immutable value.
//
//   reference = file | "hf.co/" org "/" repo [":" quant] | "ollama.com/" user "/" name [":" tag]
//             | "https://" … | "http://" … | "pypi:" package "==" version | name [":" tag]
//   file      = a path that begins with "/", "./", "../" or "~/", or one without ":" that ends with
//               ".gguf" in any case
//
// A name, tag, org, repo, user, quant, package or version is a letter or digit, then letters,
// digits, "." "_" "-". A quant may also be a file in the repository: such words with "/" between,
// ending in ".gguf".
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "store/digest.h"

namespace hearth {

inline constexpr std::size_t kReferenceBytesMax = 2048;  // a web address; names are far shorter

struct ModelRef {
  enum class Kind { kName, kHub, kRegistry, kUrl, kFile, kWheel };

  // kInvalidArgument, with the grammar's hint, when the text is none of the forms.
  static ModelRef parse(std::string_view text);

  Kind kind = Kind::kName;
  std::string text;  // canonical: two spellings of one model are equal
  std::string name;  // "smollm2", "org/repo", "user/name", the package, or the address
  std::string tag;   // tag, quant, version; empty when not given
  std::filesystem::path path = {};  // kFile only

  // The name under which the store files this reference.
  Digest key() const { return Digest::of(text); }
};

}  // namespace hearth
