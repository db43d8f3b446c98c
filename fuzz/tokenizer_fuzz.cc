// libFuzzer: bytes that begin with GGUF are a file whose vocabulary is loaded, with its own last
// bytes as text; any other bytes are text for small vocabularies of both kinds and every
// pre-tokenizer. Only hearth::Error may leave the library, and what was encoded has to come back.
// covers: src/text/[bdpsuv]*.cc src/text/tokenizer*.cc
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "text/detokenizer.h"
#include "text/small_vocabulary.h"
#include "text/stop_matcher.h"
#include "text/tokenizer.h"

namespace {

using hearth::TokenId;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

// Every token by itself and in a row, through the incremental detokenizer, equals the whole
// repaired.
void check_decoding(const std::shared_ptr<const hearth::Tokenizer>& tokenizer,
                    const std::vector<TokenId>& ids, bool special) {
  hearth::Detokenizer detokenizer(tokenizer, std::nullopt, special);
  std::string text;
  for (const TokenId id : ids) {
    require(id >= 0 && static_cast<std::size_t>(id) < tokenizer->size());
    const std::string part = detokenizer.push(id);
    require(hearth::valid_utf8_prefix(part) == part.size());
    text += part;
  }
  text += detokenizer.flush();
  std::string whole;
  hearth::append_repaired_utf8(tokenizer->decode(ids, special), whole);
  require(text == whole);
}

void use_loaded(const std::shared_ptr<const hearth::Tokenizer>& tokenizer, std::string_view text) {
  for (const bool parse : {false, true}) {
    const std::vector<TokenId> ids =
        tokenizer->encode(text, {.add_special = true, .parse_special = parse});
    check_decoding(tokenizer, ids, parse);
  }
  for (const TokenId id : tokenizer->encode(text, {.add_special = false, .parse_special = false})) {
    require(!tokenizer->is_control(id));
  }
  // The first and the last thousand tokens: a large vocabulary would only be slow.
  const auto count = static_cast<TokenId>(tokenizer->size());
  std::vector<TokenId> all;
  for (TokenId id = 0; id < count; ++id) {
    if (id < 1000 || id >= count - 1000) all.push_back(id);
    if (tokenizer->ends_generation(id) && tokenizer->adds_bos())
      require(tokenizer->bos().has_value());
  }
  check_decoding(tokenizer, all, true);
}

void load_file(std::span<const std::byte> bytes, std::string_view text) {
  try {
    const hearth::Gguf gguf = hearth::Gguf::parse(bytes, "fuzz.gguf");
    use_loaded(hearth::Tokenizer::load(gguf.metadata()), text);
  } catch (const hearth::Error& error) {
    require(!error.message().empty());
  }
}

const std::vector<std::shared_ptr<const hearth::Tokenizer>>& small_tokenizers() {
  static const auto made = [] {
    std::vector<std::shared_ptr<const hearth::Tokenizer>> all;
    for (const char* name : {"", "gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "deepseek-llm",
                             "deepseek-coder", "falcon", "dbrx"}) {
      all.push_back(hearth::make_tokenizer(hearth::small_byte_bpe(name).data));
    }
    all.push_back(hearth::make_tokenizer(hearth::small_sentence_piece().data));
    hearth::SmallVocabulary phi = hearth::small_sentence_piece();
    phi.data.model_name = "phi3";
    phi.data.add_space_prefix = false;
    all.push_back(hearth::make_tokenizer(phi.data));
    return all;
  }();
  return made;
}

void round_trip(const std::shared_ptr<const hearth::Tokenizer>& tokenizer, std::string_view text,
                bool bytes) {
  const std::vector<TokenId> ids =
      tokenizer->encode(text, {.add_special = true, .parse_special = false});
  const std::string back = tokenizer->decode(ids, false);
  std::string expected;
  if (bytes) {
    expected = text;
    for (std::size_t at; (at = expected.find("\u2581")) != std::string::npos;)
      expected.replace(at, 3, " ");
  } else {
    hearth::append_repaired_utf8(text, expected);
  }
  require(back == expected);
  check_decoding(tokenizer, ids, false);
}

void match_stops(std::string_view text) {
  const std::size_t half = text.size() / 2;
  try {
    hearth::StopMatcher matcher({std::string(text.substr(0, half)), "\n", "ab"});
    std::string shown;
    for (const char c : text.substr(half)) {
      const hearth::StopMatcher::Result result = matcher.push({&c, 1});
      shown += result.text;
      if (result.stop) break;
    }
    shown += matcher.flush();
    require(text.substr(half).starts_with(shown) && shown.find('\n') == std::string::npos);
  } catch (const hearth::Error& error) {
    require(!error.message().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with("GGUF")) {
    load_file(std::as_bytes(std::span(data, size)),
              text.substr(size - std::min<std::size_t>(size, 256)));
    return 0;
  }
  if (text.empty()) return 0;
  const auto& tokenizers = small_tokenizers();
  const std::size_t chosen = static_cast<unsigned char>(text[0]) % tokenizers.size();
  // The last is Phi-3's, which drops white space: it need not come back.
  if (chosen + 1 < tokenizers.size()) {
    round_trip(tokenizers[chosen], text.substr(1), chosen + 2 == tokenizers.size());
  }
  use_loaded(tokenizers[chosen], text.substr(1));
  match_stops(text.substr(1));
  return 0;
}
