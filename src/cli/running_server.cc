#include "cli/running_server.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "format/printable.h"

namespace hearth {
namespace {

constexpr std::size_t kReplyBytesMax = 16 << 20;  // of lists; an entry takes a few hundred bytes
constexpr std::size_t kShownBytesMax = 1000;

std::string setting(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

// A long prompt is read without a byte coming; Ctrl-C ends that, and the server's own deadlines.
HttpClient::Options patient() {
  HttpClient::Options options;
  options.connect_timeout = std::chrono::seconds{5};
  options.stall_timeout = std::chrono::hours{1};
  return options;
}

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
    case 403: return ErrorCode::kPermissionDenied;
    case 404: return ErrorCode::kNotFound;
    case 429:
    case 503: return ErrorCode::kUnavailable;
    case 507: return ErrorCode::kResourceExhausted;
    default: return status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal;
  }
}

// Ollama's form, {"error": "…"}, or llama-server's, {"error": {"message": "…"}}; the code of the
// catalogue, where it stands beside that, says what the status does not.
[[noreturn]] void throw_reply(const nlohmann::json& body, int status) {
  nlohmann::json error =
      body.is_object() ? body.value("error", nlohmann::json()) : nlohmann::json();
  if (error.is_object()) error = error.value("message", nlohmann::json());
  const bool too_long =
      body.is_object() && body.value("code", nlohmann::json()) == "context_length_exceeded";
  throw Error(too_long ? ErrorCode::kResourceExhausted : code_of(status),
              error.is_string() ? printable(error.get<std::string>(), kShownBytesMax)
                                : "the server answers with status " + std::to_string(status));
}

nlohmann::json parsed(const std::string& text) {
  nlohmann::json body = nlohmann::json::parse(text, nullptr, false);
  if (body.is_discarded()) throw Error(ErrorCode::kCorruptData, "the server's answer is no JSON");
  return body;
}

void append(std::string& text, std::span<const std::byte> bytes) {
  if (text.size() + bytes.size() > kReplyBytesMax) {
    throw Error(ErrorCode::kCorruptData, "the server's answer is too long");
  }
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

std::string RunningServer::default_address() {
  return setting("HEARTH_SERVER", "http://127.0.0.1:11435");
}

RunningServer::RunningServer(std::string address) : address_(std::move(address)), http_(patient()) {
  while (address_.ends_with('/')) address_.pop_back();
  if (address_.find("://") == std::string::npos) address_.insert(0, "http://");
}

bool RunningServer::listens() const { return loopback_listens(Url::parse(address_)); }

HttpRequest RunningServer::request_for(const std::string& path) const {
  HttpRequest request{.url = Url::parse(address_ + path), .plain_http_allowed = true};
  const std::string key = setting("HEARTH_API_KEY", "");
  if (!key.empty()) request.credential = Credential{request.url.origin(), key};
  return request;
}

nlohmann::json RunningServer::get(const std::string& path) { return ask(request_for(path)); }

nlohmann::json RunningServer::post(const std::string& path, const nlohmann::json& body) {
  HttpRequest request = request_for(path);
  request.json = body.dump();
  return ask(request);
}

std::string RunningServer::text(const std::string& path, const CancelToken* cancel) {
  int status = 0;
  std::string body;
  send(request_for(path),
       {[&](const HttpHead& head) { status = head.status; },
        [&](std::span<const std::byte> bytes) { append(body, bytes); }},
       cancel);
  if (status != 200) throw_reply(nlohmann::json::parse(body, nullptr, false), status);
  return body;
}

nlohmann::json RunningServer::ask(const HttpRequest& request) {
  int status = 0;
  std::string text;
  send(request,
       {[&](const HttpHead& head) { status = head.status; },
        [&](std::span<const std::byte> bytes) { append(text, bytes); }},
       nullptr);
  nlohmann::json body = parsed(text);
  if (status != 200) throw_reply(body, status);
  return body;
}

void RunningServer::stream(const std::string& path, const nlohmann::json& body,
                           const std::function<void(const nlohmann::json&)>& on_line,
                           const CancelToken* cancel) {
  HttpRequest request = request_for(path);
  request.json = body.dump();
  int status = 0;
  std::string pending;  // the beginning of a line; of an error, all
  const auto take = [&](std::span<const std::byte> bytes) {
    append(pending, bytes);
    if (status != 200) return;
    std::size_t begin = 0;
    for (std::size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const nlohmann::json line = parsed(pending.substr(begin, end - begin));
      if (line.is_object() && line.contains("error")) throw_reply(line, 500);
      on_line(line);
    }
    pending.erase(0, begin);
  };
  send(request, {[&](const HttpHead& head) { status = head.status; }, take}, cancel);
  if (status != 200) throw_reply(parsed(pending), status);
  if (!pending.empty()) throw Error(ErrorCode::kUnavailable, "the server's answer was cut off");
}

void RunningServer::send(const HttpRequest& request, const HttpReceiver& receiver,
                         const CancelToken* cancel) {
  try {
    http_.get(request, receiver, cancel);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) throw;
    throw Error(ErrorCode::kUnavailable,
                "no server answers at " + address_ +
                    ": 'hearth serve' starts one, HEARTH_SERVER names another",
                error.message());
  }
}

}  // namespace hearth
