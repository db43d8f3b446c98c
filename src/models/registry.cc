// The only list of model families.
#include "base/error.h"
#include "models/families.h"

namespace hearth {
namespace {

struct Family {
  std::string_view architecture;  // as `general.architecture` has it
  std::unique_ptr<Model> (*make)(const Gguf&, Device&, const ModelOptions&);
};

constexpr Family kFamilies[] = {
    {"llama", make_llama},
    {"qwen2", make_qwen2},
    {"phi3", make_phi3},
    {"gemma3", make_gemma3},
};

}  // namespace

std::unique_ptr<Model> load_model(const Gguf& file, Device& device, const ModelOptions& options) {
  const std::string_view architecture = file.metadata().string("general.architecture");
  std::string known;
  for (const Family& family : kFamilies) {
    if (family.architecture == architecture) return family.make(file, device, options);
    known += (known.empty() ? "" : ", ") + std::string(family.architecture);
  }
  throw Error(ErrorCode::kUnsupported, "models of the architecture '" + std::string(architecture) +
                                           "' are not supported yet; supported: " + known);
}

}  // namespace hearth
