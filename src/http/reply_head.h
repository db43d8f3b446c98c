// The head of a reply as bytes: status line, Date, the headers given, and those that are the
// server's. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "http/http.h"

namespace hearth {

struct ReplyFraming {
  std::optional<std::size_t> content_length = {};  // a status without content has none
  bool chunked = false;
  bool keep_alive = false;
  bool http10 = false;  // asked in HTTP/1.0, where keeping the connection is what must be said
};

// 1xx, 204 and 304 end with their head.
bool has_content(int status) noexcept;

// A control character in a value (which could end the line) becomes a blank.
std::string reply_head(int status, const HttpFields& headers, const ReplyFraming& framing);

// "<size in hexadecimal> CR LF piece CR LF"; `piece` is not empty, for that ends the body.
void append_chunk(std::string& out, const std::string& piece);

inline constexpr const char* kLastChunk = "0\r\n\r\n";

}  // namespace hearth
