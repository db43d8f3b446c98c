#include "running_server.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "format/printable.h"

namespace hearth {
namespace {

constexpr std::size_t kReplyBytesMax = 16 << 20;  // of lists; an entry takes a few hundred bytes

std::string setting(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
    case 403: return ErrorCode::kPermissionDenied;
    case 404: return ErrorCode::kNotFound;
    case 429:
    case 503: return ErrorCode::kUnavailable;
    default: return status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal;
  }
}

// Ollama's form: {"error": "…"}.
std::string message_of(const nlohmann::json& body, int status) {
  if (body.is_object() && body.contains("error") && body["error"].is_string()) {
    return printable(body["error"].get<std::string>(), 1000);
  }
  return "the server answers with status " + std::to_string(status);
}

}  // namespace

RunningServer::RunningServer()
    : address_(setting("HEARTH_SERVER", "http://127.0.0.1:11435")), http_(HttpClient::Options{}) {
  while (address_.ends_with('/')) address_.pop_back();
}

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
  return ask(std::move(request));
}

nlohmann::json RunningServer::ask(HttpRequest request) {
  int status = 0;
  std::string text;
  const HttpReceiver receiver{[&](const HttpHead& head) { status = head.status; },
                              [&](std::span<const std::byte> bytes) {
                                if (text.size() + bytes.size() > kReplyBytesMax) {
                                  throw Error(ErrorCode::kCorruptData,
                                              "the server's answer is too long");
                                }
                                text.append(reinterpret_cast<const char*>(bytes.data()),
                                            bytes.size());
                              }};
  try {
    http_.get(request, receiver, nullptr);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) throw;
    throw Error(ErrorCode::kUnavailable,
                "no server answers at " + address_ + ": 'hearth serve' starts one, HEARTH_SERVER "
                "names another");
  }
  nlohmann::json body = nlohmann::json::parse(text, nullptr, false);
  if (status != 200) throw Error(code_of(status), message_of(body, status));
  if (body.is_discarded()) throw Error(ErrorCode::kCorruptData, "the server's answer is no JSON");
  return body;
}

}  // namespace hearth
