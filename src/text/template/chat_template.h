// ChatTemplate: a model's chat template (Jinja as Hugging Face's transformers runs it), compiled
// once, rendered for each conversation by an interpreter of our own: no reflection, no I/O, no
// import; fuel, depth and size are limited, so that a hostile template ends in an Error within a
// fraction of a second and 200 MB, whatever it does (with the default limits: fuel pays for every
// value made and every byte touched, see run.h).
//
// Ownership: a ChatTemplate owns its source and tree; a render borrows the context for the call
// only. Threads: immutable after compile; any thread may render. Invariant: every byte of a render
// that came from the context is listed in user_ranges (ascending, disjoint), unless it came from
// one of the names in `trusted`. Who encodes the text must not read control tokens there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_range.h"

namespace hearth {

namespace jinja {
struct Ast;
}

struct TemplateOptions {
  std::tm now{};  // what strftime_now prints; the caller's local time
  // Top-level names of the context whose text is not the user's (bos_token and the like).
  std::vector<std::string> trusted;
  std::int64_t operations_max = 1'000'000;  // 30 to 200 ms
  std::size_t output_bytes_max = 8u << 20;  // also the most that any string may grow to
};

struct RenderedText {
  std::string text;
  std::vector<TextRange> user_ranges;
  std::int64_t operations_used = 0;
};

class ChatTemplate {
 public:
  // Throws kCorruptData (syntax), kUnsupported (include, import, ...), with the line, and
  // kResourceExhausted for a source of more than 256 KiB.
  static ChatTemplate compile(std::string_view source);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // `context` is an object: its members are the template's variables. Throws kInvalidArgument (the
  // template refuses, or does what Python refuses), kResourceExhausted (a limit), kUnsupported; all
  // with the line.
  RenderedText render(const nlohmann::ordered_json& context, const TemplateOptions& options) const;

 private:
  explicit ChatTemplate(std::unique_ptr<const jinja::Ast> ast);

  std::unique_ptr<const jinja::Ast> ast_;
};

}  // namespace hearth
