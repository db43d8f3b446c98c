#include "api/error.h"

#include <nlohmann/json.hpp>

#include "base/exhausted.h"

namespace hearth {
namespace {

using Json = nlohmann::ordered_json;

// Of every ErrorCode: what a client is told.
struct Told {
  int status;
  const char* code;
};

Told told_of(const Error& error) {
  if (dynamic_cast<const ContextError*>(&error)) return {400, "context_length_exceeded"};
  if (const auto* shortage = dynamic_cast<const ShortageError*>(&error)) {
    return shortage->of() == ShortageError::Of::kDisk ? Told{507, "disk_full"}
                                                      : Told{503, "out_of_memory"};
  }
  switch (error.code()) {
    case ErrorCode::kInvalidArgument: return {400, "invalid_value"};
    case ErrorCode::kNotFound: return {404, "model_not_found"};
    case ErrorCode::kUnsupported: return {400, "unsupported_value"};
    case ErrorCode::kResourceExhausted: return {400, "limit_exceeded"};
    case ErrorCode::kPermissionDenied: return {403, "permission_denied"};
    case ErrorCode::kUnavailable: return {503, "unavailable"};
    case ErrorCode::kCancelled: return {499, "cancelled"};
    case ErrorCode::kDeadlineExceeded: return {504, "deadline_exceeded"};
    case ErrorCode::kCorruptData: return {500, "corrupt_data"};
    case ErrorCode::kInternal: break;
  }
  return {500, "internal_error"};
}

const char* openai_type(int status) {
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

const char* anthropic_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503:
    case 529: return "overloaded_error";
    case 504: return "timeout_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
  }
}

const char* llama_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 501: return "not_supported_error";
    case 503: return "unavailable_error";
    default: return status < 500 ? "invalid_request_error" : "server_error";
  }
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json body_of(Dialect dialect, const ApiError& error, std::string_view request_id) {
  switch (dialect) {
    case Dialect::kOpenAi:
      return {{"error",
               {{"message", error.message},
                {"type", openai_type(error.status)},
                {"param", text_or_null(error.param)},
                {"code", text_or_null(error.code)}}}};
    case Dialect::kAnthropic:
      return {{"type", "error"},
              {"error", {{"type", anthropic_type(error.status)}, {"message", error.message}}},
              {"request_id", request_id}};
    case Dialect::kLlama:
      return {{"error",
               {{"code", error.status},
                {"message", error.message},
                {"type", llama_type(error.status)}}}};
    case Dialect::kOllama: break;
  }
  // The code is ours: `hearth run` tells by it what the status does not.
  Json body{{"error", error.message}};
  if (!error.code.empty()) body["code"] = error.code;
  return body;
}

}  // namespace

ApiError api_error(const Error& error) {
  const Told told = told_of(error);
  ApiError api;
  api.status = told.status;
  api.code = told.code;
  api.message = error.code() == ErrorCode::kInternal
                    ? "the server failed at this request; its log says why, under the request's id"
                    : error.message();
  if (const auto* field = dynamic_cast<const FieldError*>(&error)) api.param = field->field();
  return api;
}

std::string error_body(Dialect dialect, const ApiError& error, std::string_view request_id) {
  // What a message quotes may be cut inside a character.
  return body_of(dialect, error, request_id).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hearth
