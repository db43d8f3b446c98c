#include "net/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/error.h"

namespace hearth {
namespace {

struct UrlHandle {
  CURLU* curl = curl_url();
  UrlHandle() { CHECK(curl != nullptr); }
  UrlHandle(const UrlHandle&) = delete;
  UrlHandle& operator=(const UrlHandle&) = delete;
  ~UrlHandle() { curl_url_cleanup(curl); }

  std::string part(CURLUPart which, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(curl, which, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
    return text;
  }
};

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  // The address may come from a server: it is shortened, its control characters are not printed,
  // nor is what stands before an @, which may be a password.
  std::string shown(text);
  const std::size_t scheme = text.find("://");
  const std::size_t authority = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t at = text.substr(0, text.find_first_of("/?#", authority)).rfind('@');
  if (at != std::string_view::npos && at >= authority) {
    shown.replace(authority, at - authority, "…");
  }
  shown.resize(std::min<std::size_t>(shown.size(), 200));
  std::ranges::replace_if(shown, [](char c) { return c < 0x20 || c == 0x7f; }, '?');
  throw Error(ErrorCode::kInvalidArgument,
              "the address '" + shown + "' is refused: " + std::string(why));
}

void check_characters(std::string_view text) {
  if (text.size() > kUrlBytesMax) refuse(text, "it is longer than 8192 bytes");
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) refuse(text, "it contains a blank or control character");
    if (c == '\\') refuse(text, "it contains a backslash");
  }
}

}  // namespace

Url Url::parse(std::string_view text) {
  check_characters(text);
  const UrlHandle handle;
  const CURLUcode code =
      curl_url_set(handle.curl, CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) refuse(text, curl_url_strerror(code));
  Url url;
  url.scheme_ = handle.part(CURLUPART_SCHEME);
  if (url.scheme_ != "https" && url.scheme_ != "http") refuse(text, "it is neither https nor http");
  if (!handle.part(CURLUPART_USER).empty() || !handle.part(CURLUPART_PASSWORD).empty()) {
    refuse(text, "it carries a user name or password");
  }
  url.host_ = handle.part(CURLUPART_HOST);
  std::ranges::transform(url.host_, url.host_.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  if (url.host_.starts_with('[') && url.host_.ends_with(']')) {
    url.host_ = url.host_.substr(1, url.host_.size() - 2);
  }
  if (url.host_.empty()) refuse(text, "it names no host");
  url.path_ = handle.part(CURLUPART_PATH);
  url.origin_ =
      url.scheme_ + "://" + url.host_ + ":" + handle.part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  curl_url_set(handle.curl, CURLUPART_FRAGMENT, nullptr, 0);
  url.text_ = handle.part(CURLUPART_URL);
  return url;
}

Url Url::resolve(std::string_view reference) const {
  check_characters(reference);
  const UrlHandle handle;
  CURLUcode code = curl_url_set(handle.curl, CURLUPART_URL, text_.c_str(), 0);
  if (code != CURLUE_OK) refuse(text_, curl_url_strerror(code));
  code = curl_url_set(handle.curl, CURLUPART_URL, std::string(reference).c_str(),
                      CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) refuse(reference, curl_url_strerror(code));
  return parse(handle.part(CURLUPART_URL));
}

bool Url::loopback() const noexcept {
  return host_ == "localhost" || host_ == "::1" ||
         (host_.starts_with("127.") && host_.find_first_not_of("0123456789.") == std::string::npos);
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded.push_back(c);
    } else {
      encoded.append({'%', kDigits[byte >> 4], kDigits[byte & 15u]});
    }
  }
  return encoded;
}

}  // namespace hearth
