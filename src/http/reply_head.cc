#include "http/reply_head.h"

#include <boost/beast/http/status.hpp>
#include <cstdio>
#include <ctime>

namespace hearth {
namespace {

// RFC 9110 §5.6.7, not in the process's language.
std::string date() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[96];
  std::snprintf(text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out += (byte < 0x20 && c != '\t') || byte == 0x7F ? ' ' : c;
  }
  out += "\r\n";
}

}  // namespace

bool has_content(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

std::string reply_head(int status, const HttpFields& headers, const ReplyFraming& framing) {
  namespace http = boost::beast::http;
  std::string out = "HTTP/1.1 " + std::to_string(status) + ' ';
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
  out.append(reason.data(), reason.size()).append("\r\n");
  append_field(out, "Date", date());
  for (const auto& [name, value] : headers) append_field(out, name, value);
  if (framing.content_length) {
    append_field(out, "Content-Length", std::to_string(*framing.content_length));
  }
  if (framing.chunked) append_field(out, "Transfer-Encoding", "chunked");
  if (!framing.keep_alive) append_field(out, "Connection", "close");
  if (framing.keep_alive && framing.http10) append_field(out, "Connection", "keep-alive");
  out += "\r\n";
  return out;
}

void append_chunk(std::string& out, const std::string& piece) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  out.append(size).append(piece).append("\r\n");
}

}  // namespace hearth
