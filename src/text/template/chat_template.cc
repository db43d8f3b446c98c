#include "text/template/chat_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "text/template/convert.h"
#include "text/template/interpreter.h"
#include "text/template/parser.h"

namespace hearth {

ChatTemplate::ChatTemplate(std::unique_ptr<const jinja::Ast> ast) : ast_(std::move(ast)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

ChatTemplate ChatTemplate::compile(std::string_view source) {
  // The largest real template has 17 KB. Fuel does not pay for parsing: a byte can become a token
  // of 96 bytes and half an expression of 200, 50 MB for this many.
  constexpr std::size_t kSourceBytesMax = 256u << 10;
  if (source.size() > kSourceBytesMax) {
    throw Error(ErrorCode::kResourceExhausted, "chat template: " + std::to_string(source.size()) +
                                                   " bytes, at most " +
                                                   std::to_string(kSourceBytesMax) + " are read");
  }
  return ChatTemplate(jinja::parse(source));
}

RenderedText ChatTemplate::render(const nlohmann::ordered_json& context,
                                  const TemplateOptions& options) const {
  if (!context.is_object()) {
    throw Error(ErrorCode::kInvalidArgument, "chat template: the context must be a JSON object");
  }
  jinja::Limits limits;
  limits.operations = options.operations_max;
  limits.text_bytes = options.output_bytes_max;
  jinja::Run run(limits, options.now);
  std::vector<std::pair<std::string_view, jinja::Value>> variables;
  for (auto it = context.begin(); it != context.end(); ++it) {
    const bool trusted = std::find(options.trusted.begin(), options.trusted.end(), it.key()) !=
                         options.trusted.end();
    variables.emplace_back(it.key(), jinja::from_json_value(run, *it, {!trusted, false}));
  }
  jinja::TextBuilder out(run);
  jinja::Interpreter(run, std::move(variables)).render(ast_->body, out);
  RenderedText result;
  result.operations_used = run.operations_used();
  const std::vector<jinja::Span> spans = out.take_spans();
  result.user_ranges.reserve(spans.size());
  for (const jinja::Span& span : spans) {
    result.user_ranges.push_back({span.begin, span.end});
  }
  result.text = out.take_bytes();
  return result;
}

}  // namespace hearth
