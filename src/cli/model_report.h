// ModelReport: what `hearth show` says about a model, read from its file's metadata and its
// manifest; as text for people, as JSON for programs. Text that comes from the file is made
// printable. Pure but for the reading; one thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "format/gguf.h"
#include "store/library.h"

namespace hearth {

struct ModelReport {
  std::string reference;
  std::filesystem::path path;  // of the GGUF, the first shard of a set
  std::string source;          // empty for a file outside the library
  std::string digest;          // likewise
  std::string template_text;
  std::string template_origin;  // "file" (the GGUF's own), or "model" (its recipe's)
  std::string licence;
  Modelfile recipe;  // what it says beside its weights; its FROM is the reference
  Gguf file;
};

ModelReport report_on(const Library& library, const ResolvedModel& model);
std::string to_text(const ModelReport& report, bool tensors);
std::string to_json(const ModelReport& report);

}  // namespace hearth
