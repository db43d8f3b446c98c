#include "store/model_ref.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "net/url.h"

namespace hearth {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  std::string shown(text.substr(0, 200));
  std::ranges::replace_if(shown, [](char c) { return c < 0x20 || c == 0x7f; }, '?');
  throw Error(ErrorCode::kInvalidArgument,
              "'" + shown + "' does not name a model: " + std::string(why) +
                  " (try a name as in 'hearth list --catalog', hf.co/org/repo[:quant], "
                  "ollama.com/library/name[:tag], https://…, pypi:package==version, ./file.gguf)");
}

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Longest word of any of the grammars: 96 is the hub's limit for a repository, 128 a registry's for
// a tag.
constexpr std::size_t kWordBytesMax = 128;

bool is_word(std::string_view word) noexcept {
  return !word.empty() && word.size() <= kWordBytesMax && is_alphanumeric(word.front()) &&
         std::ranges::all_of(
             word, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return result;
}

// "a/b/c.gguf": every piece a word.
bool is_file_in_repository(std::string_view text) noexcept {
  if (!text.ends_with(".gguf")) return false;
  for (;;) {
    const auto slash = text.find('/');
    if (!is_word(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

// "first/second[:tag]" after a host's prefix.
ModelRef parse_two_words(std::string_view whole, std::string_view rest, ModelRef::Kind kind) {
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) refuse(whole, "two names with '/' between are missing");
  const auto colon = rest.find(':', slash);
  const std::string_view first = rest.substr(0, slash);
  const std::string_view second =
      rest.substr(slash + 1, colon == std::string_view::npos ? colon : colon - slash - 1);
  if (!is_word(first) || !is_word(second)) refuse(whole, "its names have unusual characters");
  ModelRef ref;
  ref.kind = kind;
  ref.name = std::string(first) + "/" + std::string(second);
  if (colon != std::string_view::npos) {
    ref.tag = rest.substr(colon + 1);
    const bool file = kind == ModelRef::Kind::kHub && is_file_in_repository(ref.tag);
    if (!file && !is_word(ref.tag)) refuse(whole, "the part after ':' has unusual characters");
  }
  return ref;
}

ModelRef parse_hub(std::string_view whole, std::string_view rest) {
  ModelRef ref = parse_two_words(whole, rest, ModelRef::Kind::kHub);
  if (!ref.tag.ends_with(".gguf")) {
    std::ranges::transform(ref.tag, ref.tag.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
  }
  ref.text = "hf.co/" + ref.name + (ref.tag.empty() ? "" : ":" + ref.tag);
  return ref;
}

ModelRef parse_registry(std::string_view whole, std::string_view rest) {
  ModelRef ref = parse_two_words(whole, rest, ModelRef::Kind::kRegistry);
  if (ref.tag.empty()) ref.tag = "latest";
  ref.text = "ollama.com/" + ref.name + ":" + ref.tag;
  return ref;
}

ModelRef parse_wheel(std::string_view whole, std::string_view rest) {
  const auto equals = rest.find("==");
  if (equals == std::string_view::npos) refuse(whole, "'==' and a version are missing");
  ModelRef ref;
  ref.kind = ModelRef::Kind::kWheel;
  ref.name = lower(rest.substr(0, equals));
  ref.tag = rest.substr(equals + 2);
  if (!is_word(ref.name) || !is_word(ref.tag)) {
    refuse(whole, "the package or its version has unusual characters");
  }
  // PyPI treats runs of '-', '_' and '.' as one '-' (PEP 503).
  std::string name;
  for (const char c : ref.name) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) name.push_back(c);
    if (separator && name.back() != '-') name.push_back('-');
  }
  ref.name = name;
  ref.text = "pypi:" + ref.name + "==" + ref.tag;
  return ref;
}

ModelRef parse_url(std::string_view text) {
  ModelRef ref;
  ref.kind = ModelRef::Kind::kUrl;
  ref.text = ref.name = Url::parse(text).text();
  return ref;
}

bool looks_like_file(std::string_view text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../") ||
         text.starts_with("~/") || text == "." || text == ".." ||
         (lower(text).ends_with(".gguf") && text.find(':') == std::string_view::npos);
}

ModelRef parse_file(std::string_view text) {
  ModelRef ref;
  ref.kind = ModelRef::Kind::kFile;
  ref.path = std::filesystem::path(text);
  if (text.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    if (home == nullptr) refuse(text, "HOME is not set");
    ref.path = std::filesystem::path(home) / text.substr(2);
  }
  std::error_code error;
  const auto absolute = std::filesystem::absolute(ref.path, error);
  if (error) refuse(text, error.message());
  ref.path = absolute.lexically_normal();
  ref.text = ref.name = ref.path.string();
  return ref;
}

ModelRef parse_name(std::string_view text) {
  const auto colon = text.find(':');
  ModelRef ref;
  ref.kind = ModelRef::Kind::kName;
  ref.name = lower(text.substr(0, colon));
  if (!is_word(ref.name)) refuse(text, "it has unusual characters");
  if (colon != std::string_view::npos) {
    ref.tag = lower(text.substr(colon + 1));
    if (!is_word(ref.tag)) refuse(text, "the part after ':' has unusual characters");
  }
  ref.text = ref.name + (ref.tag.empty() ? "" : ":" + ref.tag);
  return ref;
}

}  // namespace

ModelRef ModelRef::parse(std::string_view text) {
  if (text.empty()) refuse(text, "it is empty");
  if (text.size() > kReferenceBytesMax) refuse(text, "it is longer than 2048 bytes");
  if (text.find('\0') != std::string_view::npos) refuse(text, "it contains a zero byte");
  const auto after = [&](std::string_view prefix) { return text.substr(prefix.size()); };
  for (const std::string_view prefix : {"hf.co/", "huggingface.co/"}) {
    if (text.starts_with(prefix)) return parse_hub(text, after(prefix));
  }
  for (const std::string_view prefix : {"ollama.com/", "registry.ollama.ai/"}) {
    if (text.starts_with(prefix)) return parse_registry(text, after(prefix));
  }
  if (text.starts_with("pypi:")) return parse_wheel(text, after("pypi:"));
  if (text.starts_with("https://") || text.starts_with("http://")) return parse_url(text);
  if (looks_like_file(text)) return parse_file(text);
  return parse_name(text);
}

}  // namespace hearth
