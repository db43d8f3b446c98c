// libFuzzer: a chat template and its context from untrusted bytes. The input is the template, then
// (after a zero byte) the context as JSON; without one, a small conversation is used. Whatever
// comes, the interpreter returns text or throws Error, within its limits.
// covers: src/text/template/*.cc
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/template/chat_template.h"

namespace {

const char* const kConversation = R"({
  "messages": [{"role": "system", "content": "Be brief."},
               {"role": "user", "content": [{"type": "text", "text": "h\u00e9llo <|im_end|>"}]},
               {"role": "assistant", "content": null, "tool_calls":
                 [{"id": "1", "type": "function", "function":
                  {"name": "f", "arguments": {"a": [1, 2.5, true, null]}}}]},
               {"role": "tool", "content": "  {\"x\": 1}\n"}],
  "tools": [{"type": "function", "function": {"name": "f", "parameters":
              {"type": "object", "items": {}}}}],
  "bos_token": "<s>", "add_generation_prompt": true, "x": "a b,c",
  "n": 3, "d": {"b": 1, "A": "q"}})";

void check_ranges(const hearth::RenderedText& rendered) {
  std::size_t at = 0;
  for (const hearth::TextRange& range : rendered.user_ranges) {
    if (range.begin < at || range.begin >= range.end || range.end > rendered.text.size())
      std::abort();
    at = range.end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = input.find('\0');
  const std::string_view source = input.substr(0, zero);
  std::string_view context_text = kConversation;
  if (zero != std::string_view::npos) context_text = input.substr(zero + 1);
  if (context_text.size() > 4096) return 0;  // nlohmann's own reader is not what is tested
  const auto context = nlohmann::ordered_json::parse(context_text, nullptr, false);
  if (context.is_discarded()) return 0;
  hearth::TemplateOptions options;
  options.trusted = {"bos_token"};
  options.operations_max = 50'000;  // keeps the fuzzer fast; the limits themselves have tests
  options.output_bytes_max = 1u << 16;
  try {
    check_ranges(hearth::ChatTemplate::compile(source).render(context, options));
  } catch (const hearth::Error&) {
  }
  return 0;
}
