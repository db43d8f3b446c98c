#include "text/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <new>
#include <string>

#include "base/check.h"
#include "base/error.h"
#include "format/printable.h"

namespace hearth {
namespace {

// In the patterns below \s is Unicode's White_Space, spelled out when they are compiled: PCRE2's
// own \s also takes U+180E, which has not been white space since Unicode 6.3.
constexpr std::string_view kWhiteSpace =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Every digit a word of its own, and what is between two digits cut by kGpt2 as if it were a whole
// text: so white space that ends at a digit stays in one piece.
constexpr const char* kGpt2Digits =
    R"(\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+)";
constexpr const char* kLlama3 =
    R"('[sStTmMdD]|'[rR][eE]|'[vV][eE]|'[lL][lL]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"('[sStTmMdD]|'[rR][eE]|'[vV][eE]|'[lL][lL]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen35 =
    R"('[sStTmMdD]|'[rR][eE]|'[vV][eE]|'[lL][lL]|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
    R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// DeepSeek's first two tokenizers name the cased letters of Unicode 11 one range at a time.
constexpr const char* kDeepseekLetters =
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF})"
    R"(\x{1C4}-\x{293}\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F})"
    R"(\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481})"
    R"(\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD})"
    R"(\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45})"
    R"(\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D})"
    R"(\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC})"
    R"(\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4})"
    R"(\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F})"
    R"(\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4})"
    R"(\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F})"
    R"(\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06})"
    R"(\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2})"
    R"(\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)";
constexpr const char* kDeepseekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3001}\x{3002}]+)";
// U+0800 to U+9FA5 and U+AC00 to U+D7FF without their white space. With it, as the models' own
// files have these two patterns, ids differ from llama.cpp's, which takes all white space for \v
// before it looks.
constexpr const char* kDeepseekWide =
    R"([\x{800}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E})"
    R"(\x{2060}-\x{2FFF}\x{3001}-\x{9FA5}\x{AC00}-\x{D7FF}]+)";

// kWhiteSpace for every \s: in a class the ranges alone, outside of one in brackets. \S likewise,
// outside only.
std::string spell_out(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\') {
      if (pattern[i] == '[') in_class = true;
      if (pattern[i] == ']') in_class = false;
      out += pattern[i];
      continue;
    }
    ++i;
    const char escaped = pattern[i];
    if (escaped == 's') {
      out.append(in_class ? "" : "[").append(kWhiteSpace).append(in_class ? "" : "]");
    } else if (escaped == 'S') {
      out.append("[^").append(kWhiteSpace).append("]");
    } else {
      out.append({'\\', escaped});
    }
  }
  return out;
}

struct MatchDataFree {
  void operator()(pcre2_match_data* data) const noexcept { pcre2_match_data_free(data); }
};

}  // namespace

struct PreTokenizer::Family {
  std::initializer_list<std::string_view> names;
  std::initializer_list<const char*> patterns;
  bool ignores_merges = false;
  bool adds_bos = false;
};

// A compiled pattern. Cuts each piece at the edges of its matches; what is between matches stays a
// piece.
struct PreTokenizer::Program {
  explicit Program(const std::string& pattern) {
    int error = 0;
    std::size_t offset = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                         PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK, &error, &offset, nullptr);
    CHECK(code != nullptr);
    // Where there is no JIT the interpreter gives the same matches.
    jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  }
  ~Program() { pcre2_code_free(code); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  int match(std::string_view text, std::size_t from, pcre2_match_data* data) const {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    // Without NO_UTF_CHECK every match would check the whole rest of the text: quadratic.
    return jit ? pcre2_jit_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, data,
                                 nullptr)
               : pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, data, nullptr);
  }

  void cut(std::string_view piece, std::uint32_t base, pcre2_match_data* data,
           std::vector<std::uint32_t>& ends) const {
    std::size_t done = 0;
    while (done < piece.size()) {
      const int result = match(piece, done, data);
      if (result == PCRE2_ERROR_NOMATCH) break;
      if (result < 0) {
        throw Error(ErrorCode::kInternal,
                    "the pre-tokenizer failed with PCRE2 error " + std::to_string(result));
      }
      const std::size_t* matched = pcre2_get_ovector_pointer(data);
      CHECK(matched[1] > matched[0]);
      if (matched[0] > done) ends.push_back(base + static_cast<std::uint32_t>(matched[0]));
      ends.push_back(base + static_cast<std::uint32_t>(matched[1]));
      done = matched[1];
    }
    if (done < piece.size()) ends.push_back(base + static_cast<std::uint32_t>(piece.size()));
  }

  pcre2_code* code = nullptr;
  bool jit = false;
};

const PreTokenizer::Family& PreTokenizer::find(std::string_view name) {
  static const Family kFamilies[] = {
      {{"", "default"}, {R"([\p{P}$+<=>^~|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
      {{"gpt-2", "phi-2", "mpt", "olmo", "exaone4", "gigachat", "mellum", "trillion"}, {kGpt2}},
      {{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
       {kGpt2Digits}},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
       {kLlama3},
       true,
       true},
      {{"dbrx", "smaug-bpe"}, {kLlama3}},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan", "solar-open"}, {kQwen2}},
      {{"qwen35"}, {kQwen35}},
      {{"deepseek-llm"},
       {"[\r\n]", kDeepseekLetters, kDeepseekPunctuation, R"(\s+\z)", kDeepseekWide, R"(\p{N}+)"}},
      {{"deepseek-coder"}, {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepseekWide, R"(\p{N})"}},
      {{"falcon"}, {R"([\p{P}$+<=>^~|`]+)", kGpt2, "[0-9][0-9][0-9]"}},
  };
  for (const Family& family : kFamilies) {
    if (std::ranges::find(family.names, name) != family.names.end()) return family;
  }
  throw Error(ErrorCode::kUnsupported,
              "the pre-tokenizer " + printable_quoted(name) +
                  " (tokenizer.ggml.pre) is unknown; tokens would be cut wrongly");
}

PreTokenizer::PreTokenizer(std::string_view name) : family_(find(name)) {
  for (const char* pattern : family_.patterns) {
    programs_.push_back(std::make_unique<Program>(spell_out(pattern)));
  }
}

PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

bool PreTokenizer::ignores_merges() const noexcept { return family_.ignores_merges; }
bool PreTokenizer::adds_bos() const noexcept { return family_.adds_bos; }

std::vector<std::uint32_t> PreTokenizer::split(std::string_view text) const {
  if (text.empty()) return {};
  CHECK(text.size() <= std::numeric_limits<std::uint32_t>::max());
  // One pair of offsets: the match itself.
  const std::unique_ptr<pcre2_match_data, MatchDataFree> data(pcre2_match_data_create(1, nullptr));
  if (!data) throw std::bad_alloc();
  std::vector<std::uint32_t> ends;
  std::vector<std::uint32_t> before{static_cast<std::uint32_t>(text.size())};
  for (const auto& program : programs_) {
    ends.clear();
    std::uint32_t start = 0;
    for (const std::uint32_t end : before) {
      program->cut(text.substr(start, end - start), start, data.get(), ends);
      start = end;
    }
    std::swap(before, ends);
  }
  return before;
}

}  // namespace hearth
