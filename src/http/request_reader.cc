#include "http/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>
#include <utility>

#include "http/request_target.h"

namespace hearth {
namespace {

namespace beast = boost::beast;

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// tchar of RFC 9110 §5.6.2.
bool is_token_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// What a parser may pass over: a bare CR or LF, a line that goes on in the next one (obs-fold),
// control characters. `head` ends with CR LF CR LF.
bool has_loose_lines(std::string_view head) noexcept {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto c = static_cast<unsigned char>(head[i]);
    if (c == '\r') {
      ++i;
      if (head[i] != '\n') return true;
      if (i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t')) return true;
    } else if ((c < 0x20 && c != '\t') || c == 0x7F) {
      return true;
    }
  }
  return false;
}

std::size_t count_fields(const IncomingRequest& request, std::string_view name) noexcept {
  return static_cast<std::size_t>(
      std::count_if(request.headers.begin(), request.headers.end(),
                    [&](const auto& field) { return field.first == name; }));
}

// Lays what Beast finds in a head into an IncomingRequest. It never sees a body.
class HeadParser final : public beast::http::basic_parser<true> {
 public:
  explicit HeadParser(IncomingRequest& request) : request_(request) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // RequestReader has looked
    body_limit(boost::none);                                  // not known yet
  }
  const std::string& target() const noexcept { return target_; }
  int version() const noexcept { return version_; }

 private:
  using Text = beast::string_view;
  using Error = beast::error_code;

  void on_request_impl(beast::http::verb, Text method, Text target, int version, Error&) override {
    request_.method.assign(method.data(), method.size());
    target_.assign(target.data(), target.size());
    version_ = version;
  }
  void on_field_impl(beast::http::field, Text name, Text value, Error&) override {
    request_.headers.emplace_back(lower_case({name.data(), name.size()}),
                                  std::string(value.data(), value.size()));
  }
  void on_header_impl(Error&) override {}
  void on_finish_impl(Error&) override {}
  void on_response_impl(int, Text, int, Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  std::size_t on_body_impl(Text body, Error&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, Text, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Error&) override { return body.size(); }

  IncomingRequest& request_;
  std::string target_;
  int version_ = 0;
};

}  // namespace

bool RequestReader::expects_continue() const noexcept {
  return !http10() && !request_.header("expect").empty();
}

RequestReader::Progress RequestReader::refuse(int status, std::string why) {
  refusal_ = {status, std::move(why)};
  return Progress::kRefused;
}

RequestReader::Progress RequestReader::feed(std::string_view& bytes) {
  if (refusal_.status != 0) return Progress::kRefused;
  if (!head_done_) return feed_head(bytes);
  if (chunks_) return feed_chunked(bytes);
  const std::size_t taken = std::min<std::uint64_t>(bytes.size(), body_bytes_left_);
  request_.body.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  body_bytes_left_ -= taken;
  return body_bytes_left_ == 0 ? Progress::kDone : Progress::kMore;
}

RequestReader::Progress RequestReader::feed_head(std::string_view& bytes) {
  if (head_.empty()) {
    // RFC 9112 §2.2: empty lines before a request are passed over.
    bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
    if (bytes.empty()) return Progress::kMore;
    if (!is_token_character(bytes.front())) {
      return refuse(400, "These bytes are no HTTP/1.1 request (of a TLS client, perhaps?).");
    }
  }
  const std::size_t before = head_.size();
  head_.append(bytes.substr(0, std::min(bytes.size(), header_bytes_max_ + 1 - before)));
  const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  const std::size_t head_bytes = end == std::string::npos ? head_.size() : end + 4;
  bytes.remove_prefix(head_bytes - before);
  if (head_bytes > header_bytes_max_) {
    return refuse(431, "The request's header is larger than the " +
                           std::to_string(header_bytes_max_) + " bytes that this server takes.");
  }
  if (end == std::string::npos) return Progress::kMore;
  head_.resize(head_bytes);
  return parse_head();
}

RequestReader::Progress RequestReader::parse_head() {
  const std::string head = std::exchange(head_, {});
  if (has_loose_lines(head)) {
    return refuse(400,
                  "The request's header has a folded line, a line that does not end with CR LF, "
                  "or a control character.");
  }
  HeadParser parser(request_);
  beast::error_code error;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error == beast::http::error::bad_version) {
    return refuse(400, "This server speaks HTTP/1.1 and HTTP/1.0 only.");
  }
  if (error || !parser.is_header_done()) {
    return refuse(400, "The request's header is malformed.");
  }
  head_done_ = true;
  version_ = parser.version();
  keep_alive_ = parser.keep_alive();
  chunked_ = parser.chunked();
  body_bytes_left_ = parser.content_length().value_or(0);
  return check_target(parser.target());
}

RequestReader::Progress RequestReader::check_target(std::string_view text) {
  auto target = parse_request_target(text);
  if (!target) {
    return refuse(400,
                  "The request's target is not a path: one begins with '/', is percent-encoded "
                  "UTF-8, and has no '.' or '..' segment.");
  }
  const std::size_t hosts = count_fields(request_, "host");
  if (hosts > 1 || (hosts == 0 && !http10())) {
    return refuse(400, "The request needs exactly one Host header.");
  }
  // A check of the Host must see the host that the target names.
  if (!target->authority.empty() &&
      lower_case(target->authority) != lower_case(request_.header("host"))) {
    return refuse(400, "The request's target and its Host header name different hosts.");
  }
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  return check_framing();
}

// RFC 9112 §6.3, without its leniency: one Content-Length of digits, or one "chunked", or neither.
RequestReader::Progress RequestReader::check_framing() {
  const std::size_t lengths = count_fields(request_, "content-length");
  const std::size_t codings = count_fields(request_, "transfer-encoding");
  if (lengths + codings > 1 ||
      request_.header("content-length").find_first_not_of("0123456789") != std::string_view::npos) {
    return refuse(400, "The request needs one Content-Length or one Transfer-Encoding, not more.");
  }
  if (codings == 1 && (http10() || lower_case(request_.header("transfer-encoding")) != "chunked")) {
    return refuse(400, "The only Transfer-Encoding that this server takes is 'chunked'.");
  }
  if (expects_continue() && (count_fields(request_, "expect") > 1 ||
                             lower_case(request_.header("expect")) != "100-continue")) {
    return refuse(417, "The only expectation that this server meets is '100-continue'.");
  }
  return Progress::kHead;
}

RequestReader::Progress RequestReader::begin_body(std::uint64_t bytes_max) {
  body_bytes_max_ = bytes_max;
  if (chunked_) chunks_.emplace(bytes_max, header_bytes_max_);
  if (body_bytes_left_ <= bytes_max) return Progress::kMore;
  return refuse(413, "The request's body has " + std::to_string(body_bytes_left_) +
                         " bytes, more than the " + std::to_string(bytes_max) +
                         " that this server takes here.");
}

RequestReader::Progress RequestReader::feed_chunked(std::string_view& bytes) {
  switch (chunks_->feed(bytes, request_.body)) {
    case ChunkDecoder::Progress::kMore: return Progress::kMore;
    case ChunkDecoder::Progress::kDone: return Progress::kDone;
    case ChunkDecoder::Progress::kTooLarge:
      return refuse(413, "The request's body is larger than the " +
                             std::to_string(body_bytes_max_) +
                             " bytes that this server takes here.");
    case ChunkDecoder::Progress::kMalformed: break;
  }
  return refuse(400, "The request's chunked body is malformed.");
}

}  // namespace hearth
