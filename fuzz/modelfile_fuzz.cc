// libFuzzer: a Modelfile from untrusted bytes. Whatever comes, the parser returns a Modelfile that
// its own text gives again, or throws Error; a template in it is rewritten as Jinja that compiles,
// or refused.
// covers: src/store/modelfile.cc src/store/go_template*.cc
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "store/go_template.h"
#include "store/modelfile.h"
#include "text/template/chat_template.h"

namespace {

void rewrite(std::string_view source) {
  std::string jinja;
  try {
    jinja = hearth::go_template_to_jinja(source);
  } catch (const hearth::Error&) {
    return;
  }
  try {
    hearth::ChatTemplate::compile(jinja);
  } catch (const hearth::Error& error) {
    if (error.code() != hearth::ErrorCode::kResourceExhausted) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  hearth::Modelfile modelfile;
  try {
    modelfile = hearth::parse_modelfile(text);
  } catch (const hearth::Error&) {
    return 0;
  }
  if (hearth::parse_modelfile(hearth::to_text(modelfile)) != modelfile) std::abort();
  hearth::is_go_template(text);
  modelfile.without_effect();
  if (modelfile.template_text) rewrite(*modelfile.template_text);
  return 0;
}
